#include "fanion/optim/option_table.h"

#include "fanion/norms/rule_text.h"
#include "fanion/number_text.h"

namespace fanion::optim::option_table {

std::string text_of(double value) { return norms::text_of(value); }

std::string text_of(int64_t value) { return std::to_string(value); }

std::string text_of(const Sizes& value) {
  std::string text;
  for (const auto size : value) text.append(text.empty() ? "" : "+").append(std::to_string(size));
  return text.empty() ? "none" : text;
}

void read(double& field, std::string_view name, std::string_view text) {
  const auto value = number_from_text<double>(text);
  TORCH_CHECK_VALUE(value.has_value(), name, " must be a number, got '", text, "'");
  field = *value;
}

void read(int64_t& field, std::string_view name, std::string_view text) {
  const auto value = number_from_text<int64_t>(text);
  TORCH_CHECK_VALUE(value.has_value(), name, " must be a whole number, got '", text, "'");
  field = *value;
}

void read(Sizes& field, std::string_view name, std::string_view text) {
  Sizes sizes;
  for (auto rest = text; text != "none"; rest.remove_prefix(rest.find('+') + 1)) {
    read(sizes.emplace_back(), name, rest.substr(0, rest.find('+')));
    if (rest.find('+') == std::string_view::npos) break;
  }
  field = std::move(sizes);
}

void read(bool& field, std::string_view name, std::string_view text) {
  TORCH_CHECK_VALUE(text == "true" || text == "false", name, " = '", text, "' must be true or false");
  field = text == "true";
}

void check(double value, std::string_view name, Range range) {
  if (range == Range::not_negative)
    TORCH_CHECK_VALUE(value >= 0 && std::isfinite(value), name, " = ", value, " must be finite and not negative");
  if (range == Range::count)
    TORCH_CHECK_VALUE(value >= 0 && std::isfinite(value) && value == std::floor(value), name, " = ", value,
                      " must be a whole number and not negative");
  if (range == Range::below_one) TORCH_CHECK_VALUE(value >= 0 && value < 1, name, " = ", value, " must lie in [0, 1)");
}

void check(int64_t value, std::string_view name, Range) {
  TORCH_CHECK_VALUE(value >= 1, name, " = ", value, " must be at least 1");
}

void check(const Sizes& value, std::string_view name, Range range) {
  for (const auto size : value) check(size, name, range);
}

}  // namespace fanion::optim::option_table
