#pragma once

#include <vector>

#include "fanion/norms/direction_rule.h"

namespace fanion::norms {

struct WeightedRule {
  double weight;
  RulePtr rule;
};

/// Σ w_i D_i of any rules with any finite weights: F-Muon beyond α ∈ [0, 1] (KyFan §4.2, 4.3), norm ball or not.
/// Each part keeps its own columns of the warm start. Where it is a norm, use `dual_sum`.
RulePtr weighted_sum(const std::vector<WeightedRule>& parts);

/// A rule that is a sum of others; nested sums are flattened, so that names stay readable.
class SumOfRules {
 public:
  virtual ~SumOfRules() = default;
  virtual const std::vector<WeightedRule>& parts() const = 0;
};
std::vector<WeightedRule> flattened(const std::vector<WeightedRule>& parts);

/// The summed direction, its warm-start columns and its name.
Direction summed_direction(const std::vector<WeightedRule>& parts, const at::Tensor& M, at::Tensor* warm);
Direction summed_batch_direction(const std::vector<WeightedRule>& parts, const at::Tensor& M, at::Tensor* warm,
                                 const MatrixLayout* layout);
bool all_take_blocks(const std::vector<WeightedRule>& parts, const MatrixLayout& layout);
int64_t summed_warm_columns(const std::vector<WeightedRule>& parts, int64_t m, int64_t n);
int summed_low_rank_parts(const std::vector<WeightedRule>& parts);
/// That of the first part that has one.
std::optional<linalg::NewtonSchulzOptions> summed_newton_schulz_choice(const std::vector<WeightedRule>& parts,
                                                                       const at::Tensor& M);
std::string summed_name(const std::vector<WeightedRule>& parts);
/// Its nominal Frobenius norm: parts of positive weight count as parallel, which bounds their sum from above, and those
/// of negative weight as orthogonal to them. 1 for the sum that is zero.
double summed_nominal(const std::vector<WeightedRule>& parts, int64_t m, int64_t n);

}  // namespace fanion::norms
