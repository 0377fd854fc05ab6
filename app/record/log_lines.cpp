#include "record/log_lines.h"

#include <c10/util/Exception.h>

#include "data/json_text.h"

namespace fanion::record {
namespace {

nlohmann::json parse_line(std::string_view text, const std::string& where) {
  auto line = data::parse_json(text, where);
  TORCH_CHECK_VALUE(line.is_object(), where, ": expected an object, got ", data::shown(line));
  TORCH_CHECK_VALUE(line.contains("step"), where, ": has no step");
  const auto& step = line["step"];
  TORCH_CHECK_VALUE(step.is_number_integer() && step >= 0 && step <= std::numeric_limits<int64_t>::max(), where,
                    ": its step is ", data::shown(step), ", no integer of at least 0");
  for (const auto& [key, value] : line.items())
    TORCH_CHECK_VALUE(!value.is_null(), where, ": its ", key, " is null, where a number belongs");
  for (const auto* key : {"loss", "validation_loss", "seconds", "optimizer_seconds"})
    TORCH_CHECK_VALUE(!line.contains(key) || line[key].is_number(), where, ": its ", key, " is ",
                      data::shown(line[key]), ", no number");
  return line;
}

}  // namespace

LogLines parse_log(std::string_view text, const std::string& source) {
  LogLines log;
  for (std::size_t number = 1, begin = 0; begin < text.size(); ++number) {
    const auto where = c10::str(source, ":", number);
    const auto end = text.find('\n', begin);
    if (end != std::string_view::npos) {
      log.lines.push_back(parse_line(text.substr(begin, end - begin), where));
      begin = end + 1;
      continue;
    }
    try {
      log.lines.push_back(parse_line(text.substr(begin), where));
    } catch (const c10::ValueError&) {
      log.dropped = where + ": half a last line, dropped";
    }
    break;
  }
  return log;
}

}  // namespace fanion::record
