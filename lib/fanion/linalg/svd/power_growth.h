#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion::linalg {

/// (AᵀA)^q Ω = W·G·exp(log_scale): what q passes of power iteration have made of a standard Gaussian start Ω, whose
/// growth bounds the eigenvalues λᵢ of AᵀA from above.
class PowerGrowth {
 public:
  /// The start is W·triangle, of whose columns the last `random` are Ω. Float64 on the CPU.
  PowerGrowth(const at::Tensor& triangle, int64_t random);

  /// A pass that took A W = Q R1 and AᵀQ = W' R2.
  void pass(const at::Tensor& R1, const at::Tensor& R2);

  /// Upper bounds of λ₁ … λ_count, each infinite where nothing is known, which fail with `kFailureProbability` at most:
  /// λᵢ ≤ (σᵢ((AᵀA)^q Ω)/c)^{1/q}, as σᵢ((AᵀA)^q Ω) ≥ λᵢ^q σ_min(ΩᵀX) for the first i eigenvectors X, and c is
  /// `least_component`.
  std::vector<double> upper(int64_t count) const;

 private:
  at::Tensor G_;
  int64_t random_;
  int64_t passes_ = 0;
  double log_scale_ = 0;
};

}  // namespace fanion::linalg
