#include "observers/observer.h"

#include <c10/util/Exception.h>

#include <charconv>
#include <functional>
#include <nlohmann/json.hpp>

#include "observers/norms.h"
#include "observers/spectra.h"

namespace fanion::observers {
namespace {

struct Known {
  const char* name;
  std::function<std::shared_ptr<const Observer>()> make;
};

const std::vector<Known>& known() {
  static const std::vector<Known> all = {{"spectra", [] { return std::make_shared<Spectra>(); }},
                                         {"norms", [] { return std::make_shared<Norms>(); }}};
  return all;
}

Watch watch_from_text(const std::string& text) {
  const auto at = text.find('@');
  Watch watch{text.substr(0, at), 0, nullptr};
  std::string names;
  for (const auto& [name, make] : known()) {
    if (watch.name == name) watch.observer = make();
    names.append(names.empty() ? "" : ", ").append(name);
  }
  TORCH_CHECK_VALUE(watch.observer != nullptr, "unknown observer '", watch.name, "' in --record; there are: ", names);
  const auto* end = text.data() + text.size();
  const auto* begin = at == std::string::npos ? end : text.data() + at + 1;
  const auto parsed = std::from_chars(begin, end, watch.every);
  TORCH_CHECK_VALUE(parsed.ec == std::errc() && parsed.ptr == end && watch.every >= 1, "'", text,
                    "' in --record: expected OBSERVER@STEPS with at least 1 step between looks");
  return watch;
}

}  // namespace

std::vector<Watch> watches_from_text(const std::string& text) {
  std::vector<Watch> watches;
  if (text.empty()) return watches;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(',', begin), text.size());
    watches.push_back(watch_from_text(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return watches;
}

}  // namespace fanion::observers
