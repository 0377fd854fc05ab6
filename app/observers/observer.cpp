#include "observers/observer.h"

#include <c10/util/Exception.h>

#include <array>
#include <nlohmann/json.hpp>

#include "fanion/number_text.h"
#include "observers/norms.h"
#include "observers/spectra.h"

namespace fanion::observers {
namespace {

constexpr std::array<std::pair<const char*, Observer>, 2> kObservers{{{"spectra", spectra_of}, {"norms", norms_of}}};

Watch watch_from_text(const std::string& text) {
  const auto at = text.find('@');
  Watch watch{text.substr(0, at), 0, nullptr};
  std::string names;
  for (const auto& [name, observe] : kObservers) {
    if (watch.name == name) watch.observe = observe;
    names.append(names.empty() ? "" : ", ").append(name);
  }
  TORCH_CHECK_VALUE(watch.observe != nullptr, "unknown observer '", watch.name, "' in --record; there are: ", names);
  const auto every = at == std::string::npos ? std::nullopt : number_from_text<int64_t>(text.substr(at + 1));
  TORCH_CHECK_VALUE(every && *every >= 1, "'", text,
                    "' in --record: expected OBSERVER@STEPS with at least 1 step between looks");
  watch.every = *every;
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
