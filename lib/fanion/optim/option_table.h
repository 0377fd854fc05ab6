#pragma once

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "fanion/names.h"

/// Tables of options. A struct of options has one function
///
///   template <class Visit> void visit_options(Options& o, Visit&& visit) { visit(name, o.field, range, help); … }
///
/// and everything else that knows its fields goes through that: the check, the texts that cross the Python boundary,
/// Python's keywords and their documentation, the program's flags and config.json. A field is a double, a bool, a
/// count, a list of sizes or a closed enum with a `names_of`; its initialiser is the default.
namespace fanion::optim {

/// What a number may be: any; finite and not negative; in [0, 1); a whole one, not negative. Counts and sizes are at
/// least 1, whatever stands here.
enum class Range { any, not_negative, below_one, count };

/// An option in words: kind is "number", "count", "sizes", "flag" or "choice"; allowed is the range or the choices.
struct OptionLine {
  std::string name, kind, initial, allowed, help;
};

/// A list of sizes, "768+768+768" as a text, "none" where it is empty.
using Sizes = std::vector<int64_t>;

namespace option_table {

std::string text_of(double value);
std::string text_of(int64_t value);
std::string text_of(const Sizes& value);
inline std::string text_of(bool value) { return value ? "true" : "false"; }
template <class Enum>
  requires std::is_enum_v<Enum>
std::string text_of(Enum value) {
  return std::string(find_name(names_of(value), value));
}

void read(double& field, std::string_view name, std::string_view text);
void read(int64_t& field, std::string_view name, std::string_view text);
void read(Sizes& field, std::string_view name, std::string_view text);
void read(bool& field, std::string_view name, std::string_view text);
template <class Enum>
  requires std::is_enum_v<Enum>
void read(Enum& field, std::string_view name, std::string_view text) {
  std::string choices;
  for (const auto& entry : names_of(field)) {
    if (same_name(entry.name, text)) return void(field = entry.value);
    choices.append(choices.empty() ? "" : ", ").append(entry.name);
  }
  TORCH_CHECK_VALUE(false, name, " = '", text, "'", did_you_mean(text, choices), "; choose one of: ", choices);
}

void check(double value, std::string_view name, Range range);
void check(int64_t value, std::string_view name, Range range);
void check(const Sizes& value, std::string_view name, Range range);
inline void check(bool, std::string_view, Range) {}
template <class Enum>
  requires std::is_enum_v<Enum>
void check(Enum, std::string_view, Range) {}

template <class Field>
std::string allowed(const Field& field, Range range) {
  if constexpr (std::is_same_v<Field, double>) {
    return range == Range::not_negative ? "finite and not negative"
           : range == Range::below_one  ? "in [0, 1)"
           : range == Range::count      ? "0, 1, 2, …"
                                        : "";
  } else if constexpr (std::is_same_v<Field, int64_t>) {
    return "whole, at least 1";
  } else if constexpr (std::is_same_v<Field, Sizes>) {
    return "none, or whole numbers of at least 1";
  } else if constexpr (std::is_enum_v<Field>) {
    std::string choices;
    for (const auto& entry : names_of(field)) choices.append(choices.empty() ? "" : ", ").append(entry.name);
    return choices;
  } else {
    return "true, false";
  }
}

}  // namespace option_table

/// Throws naming the first option outside its range.
template <class Options>
void check_ranges(Options o) {
  visit_options(
      o, [](const char* name, auto& field, Range range, const char*) { option_table::check(field, name, range); });
}

/// Overwrites the options that `text` names, "lr=0.02,nesterov=true". Unknown names and values throw; ranges are left
/// to `check_ranges`.
template <class Options>
void read_options(Options& o, std::string_view text) {
  while (!text.empty()) {
    const auto pair = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    const auto name = pair.substr(0, pair.find('='));
    const auto value = pair.substr(std::min(pair.size(), name.size() + 1));
    bool found = false;
    std::string known;
    visit_options(o, [&](const char* key, auto& field, Range, const char*) {
      known.append(known.empty() ? "" : ", ").append(key);
      if (name != key) return;
      found = true;
      option_table::read(field, key, value);
    });
    TORCH_CHECK_VALUE(found, "unknown option '", name, "'; known: ", known);
  }
}

/// The table in words, with the values of `o` as the initial ones.
template <class Options>
std::vector<OptionLine> option_lines(Options o) {
  std::vector<OptionLine> lines;
  visit_options(o, [&](const char* name, auto& field, Range range, const char* help) {
    using Field = std::remove_reference_t<decltype(field)>;
    const auto* kind = std::is_same_v<Field, double>    ? "number"
                       : std::is_same_v<Field, int64_t> ? "count"
                       : std::is_same_v<Field, Sizes>   ? "sizes"
                       : std::is_enum_v<Field>          ? "choice"
                                                        : "flag";
    lines.push_back({name, kind, option_table::text_of(field), option_table::allowed(field, range), help});
  });
  return lines;
}

/// Whether two structs agree in everything but their numbers; counts, which decide shapes, are no such numbers.
template <class Options>
bool same_but_for_numbers(Options a, Options b) {
  const auto words = [](Options& o) {
    std::string all;
    visit_options(o, [&](const char*, auto& field, Range range, const char*) {
      constexpr bool is_number = std::is_same_v<std::remove_reference_t<decltype(field)>, double>;
      if (!is_number || range == Range::count) all.append(option_table::text_of(field)).append(",");
    });
    return all;
  };
  return words(a) == words(b);
}

}  // namespace fanion::optim
