#pragma once

#include <optional>

#include "fanion/norms/matrix_norm.h"
#include "fanion/norms/rank.h"
#include "fanion/norms/weighted_sum.h"

namespace fanion::norms {

/// Σ w_i D_i as a norm where it is one: the `dual_sum` if every part is a norm and every weight ≥ 0 (one of
/// them positive), else the `weighted_sum`.
RulePtr mixture(const std::vector<WeightedRule>& parts);

/// α·norm + (1−α)·frobenius: the F- families (KyFan eq. 13, 15), a norm for α in [0, 1], a rule beyond.
RulePtr with_frobenius(const NormPtr& norm, double alpha);

/// α·norm + (1−α)·scale·scaled_max_entry(k): the S- families (arXiv 2512.09678), S-Muon without k. `scale` is the RMS
/// of the sign part over that of the other. A norm for α in [0, 1] and scale ≥ 0, a rule beyond.
RulePtr with_sign(const NormPtr& norm, double alpha, double scale, std::optional<Rank> k = std::nullopt);

/// α·norm + (1−α)·η·max_entry: the same with a sign part whose entries are (1−α)·η for every shape, as the paper has it
/// (η from 0.003 to 0.02 there, by tuning).
RulePtr with_constant_sign(const NormPtr& norm, double alpha, double eta);

}  // namespace fanion::norms
