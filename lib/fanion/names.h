#pragma once

#include <c10/util/Exception.h>

#include <array>
#include <string>
#include <string_view>

namespace fanion {

/// Whether two names are the same, '-' and '_' being one character.
bool same_name(std::string_view a, std::string_view b);

/// " (did you mean 'muon'?)" where one of `names`, separated by ", ", is nearly `given`: one edit away, two from six
/// characters on, an edit being a letter more, less or other, or two neighbours exchanged, and hyphens none. Else
/// nothing.
std::string did_you_mean(std::string_view given, std::string_view names);

/// A value of a closed enum and its name at the CLI and Python edges.
template <class Enum>
struct Named {
  Enum value;
  std::string_view name;
};

/// The value called `name`; throws naming every choice.
template <class Enum, std::size_t N>
Enum parse_name(const std::array<Named<Enum>, N>& table, std::string_view name, std::string_view what) {
  std::string choices;
  for (const auto& entry : table) {
    if (same_name(entry.name, name)) return entry.value;
    choices.append(choices.empty() ? "" : ", ").append(entry.name);
  }
  TORCH_CHECK_VALUE(false, "unknown ", what, " '", name, "'", did_you_mean(name, choices),
                    "; choose one of: ", choices);
}

template <class Enum, std::size_t N>
std::string_view find_name(const std::array<Named<Enum>, N>& table, Enum value) {
  for (const auto& entry : table)
    if (entry.value == value) return entry.name;
  TORCH_INTERNAL_ASSERT(false, "enum value without a name");
}

}  // namespace fanion
