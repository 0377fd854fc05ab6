#include "data/json_text.h"

#include <c10/util/Exception.h>

#include <iterator>
#include <nlohmann/json.hpp>

#include "data/open_file.h"

namespace fanion::data {
namespace {

constexpr int kDeepest = 32;
constexpr std::size_t kLongestShown = 60, kLongestReason = 200;

std::string cut(std::string text, std::size_t longest) {
  if (text.size() <= longest) return text;
  while (longest > 0 && (static_cast<unsigned char>(text[longest]) & 0xc0U) == 0x80) --longest;  // inside a character
  return text.substr(0, longest) + "...";
}

/// What nlohmann's message says, without its own numbering.
std::string reason(const std::string& what) {
  const auto end = what.find("] ");
  return cut(end == std::string::npos ? what : what.substr(end + 2), kLongestReason);
}

}  // namespace

nlohmann::json parse_json(std::string_view text, const std::string& source) {
  const auto bounded = [&](int depth, nlohmann::json::parse_event_t, const nlohmann::json&) {
    TORCH_CHECK_VALUE(depth <= kDeepest, source, ": its JSON is nested more than ", kDeepest, " levels deep");
    return true;
  };
  try {
    return nlohmann::json::parse(text, bounded);
  } catch (const nlohmann::json::exception& e) {
    TORCH_CHECK_VALUE(false, source, ": is no JSON: ", reason(e.what()));
  }
}

nlohmann::json read_json(const std::filesystem::path& file) {
  auto [in, size, name] = open_file(file);
  std::string text(static_cast<std::size_t>(size), '\0');
  in.read(text.data(), size);
  TORCH_CHECK_VALUE(in.gcount() == size, name, ": could not read its ", size, " bytes");
  return parse_json(text, name);
}

std::string shown(const nlohmann::json& value) {
  if (value.is_array()) return c10::str("an array of ", value.size());
  if (value.is_object()) return c10::str("an object of ", value.size());
  if (!value.is_string()) return value.dump();
  return '"' + cut(value.get<std::string>(), kLongestShown) + '"';
}

}  // namespace fanion::data
