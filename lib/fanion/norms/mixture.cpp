#include "fanion/norms/mixture.h"

#include "fanion/norms/dual_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/scaled_max_entry.h"

namespace fanion::norms {

RulePtr mixture(const std::vector<WeightedRule>& parts) {
  std::vector<WeightedNorm> norms;
  double total = 0;
  for (const auto& [weight, rule] : parts) {
    auto norm = std::dynamic_pointer_cast<const MatrixNorm>(rule);
    if (!norm || !(weight >= 0)) return weighted_sum(parts);
    norms.push_back({weight, norm});
    total += weight;
  }
  return total > 0 ? RulePtr(dual_sum(norms)) : weighted_sum(parts);
}

RulePtr with_frobenius(const NormPtr& norm, double alpha) { return mixture({{alpha, norm}, {1 - alpha, frobenius()}}); }

RulePtr with_sign(const NormPtr& norm, double alpha, double scale, std::optional<Rank> k) {
  return mixture({{alpha, norm}, {(1 - alpha) * scale, scaled_max_entry(k)}});
}

RulePtr with_constant_sign(const NormPtr& norm, double alpha, double eta) {
  return mixture({{alpha, norm}, {(1 - alpha) * eta, max_entry()}});
}

}  // namespace fanion::norms
