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

/// The same of a double with all its bits as printf's %a writes them, "0x1.8p+3", or in decimal.
inline std::optional<double> exact_number_from_text(std::string_view text) {
  if (!text.starts_with("0x")) return number_from_text<double>(text);
  text.remove_prefix(2);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::hex);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.starts_with('-');
  return whole ? std::optional(value) : std::nullopt;
}

}  // namespace fanion
