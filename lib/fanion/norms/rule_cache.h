#pragma once

#include <string_view>

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// `rule_from_name`, parsed once per text: a training loop asks for the same rule in every step. Thread-safe.
RulePtr cached_rule(std::string_view text);

/// `norm_from_name`, likewise.
NormPtr cached_norm(std::string_view text);

}  // namespace fanion::norms
