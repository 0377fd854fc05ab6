#include "fanion/optim/option_table.h"

#include "fanion/norms/rule_text.h"
#include "fanion/number_text.h"

namespace fanion::optim::option_table {

std::string text_of(double value) { return norms::text_of(value); }

void read(double& field, std::string_view name, std::string_view text) {
  const auto value = number_from_text<double>(text);
  TORCH_CHECK_VALUE(value.has_value(), name, " must be a number, got '", text, "'");
  field = *value;
}

void read(bool& field, std::string_view name, std::string_view text) {
  TORCH_CHECK_VALUE(text == "true" || text == "false", name, " = '", text, "' must be true or false");
  field = text == "true";
}

void check(double value, std::string_view name, Range range) {
  if (range == Range::not_negative)
    TORCH_CHECK_VALUE(value >= 0 && std::isfinite(value), name, " = ", value, " must be finite and not negative");
  if (range == Range::below_one) TORCH_CHECK_VALUE(value >= 0 && value < 1, name, " = ", value, " must lie in [0, 1)");
}

}  // namespace fanion::optim::option_table
