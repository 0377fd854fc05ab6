#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fanion/norms/sweep_form.h"
#include "fanion/norms/weighted_sum.h"

namespace fanion::norms {

/// A sum of rules as a `Base`: what `dual_sum`, a `MatrixNorm`, shares with `weighted_sum`, a `DirectionRule`.
template <class Base>
class SummedRule : public Base, public SumOfRules {
 public:
  explicit SummedRule(std::vector<WeightedRule> parts) : parts_(std::move(parts)) {}

  const std::vector<WeightedRule>& parts() const override { return parts_; }
  std::string name() const override { return summed_name(parts_); }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    return summed_direction(parts_, M, warm);
  }
  bool takes_blocks(const MatrixLayout& layout) const override { return all_take_blocks(parts_, layout); }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    return summed_batch_direction(parts_, M, warm, layout);
  }
  int low_rank_parts() const override { return summed_low_rank_parts(parts_); }
  std::optional<linalg::NewtonSchulzOptions> newton_schulz_choice(const at::Tensor& M) const override {
    return summed_newton_schulz_choice(parts_, M);
  }
  std::optional<SweepForm> sweep_form(int64_t m, int64_t n) const override { return summed_form(parts_, m, n); }
  int64_t warm_columns(int64_t m, int64_t n) const override { return summed_warm_columns(parts_, m, n); }
  double nominal_frobenius(int64_t m, int64_t n) const override { return summed_nominal(parts_, m, n); }

 private:
  std::vector<WeightedRule> parts_;
};

}  // namespace fanion::norms
