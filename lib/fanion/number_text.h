#pragma once

#include <charconv>
#include <optional>
#include <string_view>

namespace fanion {

/// The number that `text` is, all of it and in whatever locale; nothing where it is no number or out of Number's range.
template <class Number>
std::optional<Number> number_from_text(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace fanion
