#pragma once

#include "fanion/norms/matrix_norm.h"
#include "fanion/norms/weighted_sum.h"

namespace fanion::norms {

/// Σ w_i D_i as a norm where it is one: the `dual_sum` if every part is a norm and every weight ≥ 0 (one of
/// them positive), else the `weighted_sum`.
RulePtr mixture(const std::vector<WeightedRule>& parts);

/// α·norm + (1−α)·frobenius: the F- families (004 eq. 13, 15), a norm for α in [0, 1], a rule beyond.
RulePtr with_frobenius(const NormPtr& norm, double alpha);

}  // namespace fanion::norms
