#include "fanion/norms/weighted_sum.h"

#include <algorithm>
#include <cmath>

#include "fanion/norms/rule_text.h"
#include "fanion/norms/summed_rule.h"

namespace fanion::norms {
namespace {

constexpr double kLargestPart = 1e30;  // with a rate beside it, still a step in float32

}  // namespace

RulePtr weighted_sum(const std::vector<WeightedRule>& parts) {
  TORCH_CHECK_VALUE(!parts.empty(), "a sum needs at least one part");
  for (const auto& [weight, rule] : parts)
    TORCH_CHECK_VALUE(rule && std::isfinite(weight), "every part of a sum needs a rule and a finite weight, got ",
                      weight);
  return std::make_shared<SummedRule<DirectionRule>>(flattened(parts));
}

std::vector<WeightedRule> flattened(const std::vector<WeightedRule>& parts) {
  std::vector<WeightedRule> flat;
  for (const auto& [weight, rule] : parts) {
    if (const auto* sum = dynamic_cast<const SumOfRules*>(rule.get()))
      for (const auto& part : sum->parts()) flat.push_back({weight * part.weight, part.rule});
    else
      flat.push_back({weight, rule});
  }
  for (const auto& [weight, rule] : flat)
    TORCH_CHECK_VALUE(std::abs(weight) <= kLargestPart, "the weight ", weight, " of ", rule->name(), " must lie in -",
                      kLargestPart, " to ", kLargestPart);
  return flat;
}

namespace {

/// The weighted parts, each of which `one` gets with its own columns of the warm start, the last dimension of it.
template <class One>
Direction sum_of(const std::vector<WeightedRule>& parts, std::pair<int64_t, int64_t> shape, at::Tensor* warm,
                 One&& one) {
  Direction sum;
  int64_t column = 0;
  for (const auto& [weight, rule] : parts) {
    const int64_t columns = warm == nullptr ? 0 : rule->warm_columns(shape.first, shape.second);
    at::Tensor slice = columns > 0 ? warm->narrow(-1, column, columns) : at::Tensor();
    column += columns;
    if (weight == 0) continue;
    Direction part = one(*rule, columns > 0 ? &slice : nullptr);
    sum += std::move(part *= weight);
  }
  return sum;
}

}  // namespace

Direction summed_direction(const std::vector<WeightedRule>& parts, const at::Tensor& M, at::Tensor* warm) {
  return sum_of(parts, whole_shape(M, nullptr), warm,
                [&](const DirectionRule& rule, at::Tensor* own) { return rule.direction(M, own); });
}

Direction summed_batch_direction(const std::vector<WeightedRule>& parts, const at::Tensor& M, at::Tensor* warm,
                                 const MatrixLayout* layout) {
  return sum_of(parts, whole_shape(M, layout), warm,
                [&](const DirectionRule& rule, at::Tensor* own) { return rule.batch_direction(M, own, layout); });
}

bool all_take_blocks(const std::vector<WeightedRule>& parts, const MatrixLayout& layout) {
  return std::ranges::all_of(parts,
                             [&](const auto& part) { return part.weight == 0 || part.rule->takes_blocks(layout); });
}

int64_t summed_warm_columns(const std::vector<WeightedRule>& parts, int64_t m, int64_t n) {
  int64_t columns = 0;
  for (const auto& part : parts) columns += part.rule->warm_columns(m, n);
  return columns;
}

int summed_low_rank_parts(const std::vector<WeightedRule>& parts) {
  int count = 0;
  for (const auto& [weight, rule] : parts) count += weight == 0 ? 0 : rule->low_rank_parts();
  return count;
}

std::optional<linalg::NewtonSchulzOptions> summed_newton_schulz_choice(const std::vector<WeightedRule>& parts,
                                                                       const at::Tensor& M) {
  for (const auto& [weight, rule] : parts)
    if (weight != 0)
      if (auto choice = rule->newton_schulz_choice(M)) return choice;
  return {};
}

double summed_nominal(const std::vector<WeightedRule>& parts, int64_t m, int64_t n) {
  double added = 0, taken = 0;
  for (const auto& [weight, rule] : parts)
    if (weight != 0) (weight > 0 ? added : taken) += std::abs(weight) * rule->nominal_frobenius(m, n);
  const double size = std::hypot(added, taken);
  return size > 0 ? size : 1;
}

std::string summed_name(const std::vector<WeightedRule>& parts) {
  std::string text;
  for (const auto& [weight, rule] : parts)
    text.append(text.empty() ? "" : " + ").append(text_of(weight)).append("*").append(rule->name());
  return text;
}

}  // namespace fanion::norms
