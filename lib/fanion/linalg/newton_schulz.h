#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <string_view>
#include <vector>

namespace fanion::linalg {

/// (a, b, c) of one step X ← aX + b(XXᵀ)X + c(XXᵀ)²X, an odd quintic on every singular value.
using Quintic = std::array<double, 3>;

struct NewtonSchulzOptions {
  /// One entry per step; a single entry is used for all `steps`.
  std::vector<Quintic> coefficients = {{3.4445, -4.7750, 2.0315}};
  int64_t steps = 5;
  /// Dtype of the products; undefined: the matrix's own on the CPU (float32 for 16-bit input), bfloat16 on
  /// accelerators, where its products are several times faster.
  std::optional<at::ScalarType> dtype;
  /// X₀ = M / max(‖M‖_F, eps). 0 keeps matrices of any size orthogonal; torch and Keller Jordan use 1e-7,
  /// which shrinks the result where ‖M‖_F is below it.
  double eps = 0;
};

/// A named coefficient set with its number of steps.
struct CoefficientSet {
  std::string_view name;
  std::string_view source;
  Quintic coefficients;
  int64_t steps;
};
const std::vector<CoefficientSet>& coefficient_sets();
const CoefficientSet& coefficient_set(std::string_view name);

/// Approximate polar factor U Vᵀ of M = U S Vᵀ, by Newton–Schulz.
///
/// M: (m, n) or a batch (b, m, n), any float dtype and device; never written to. Returns the products' dtype.
/// Error: with the default set and 5 steps, singular values above 1.6e-3·‖M‖_F come out within 0.68 … 1.21 in
/// exact arithmetic (smaller ones below that, never above it: 0.47 at 1e-3); with `cubic-damped` and its 12 steps
/// those above 1e-3·‖M‖_F come out within 1e-5 of 1. Zero gives zero.
/// Throws on other shapes, no steps, or a coefficient list that is neither 1 nor `steps` long.
/// Cost: 2·steps·(2m²n + m³) flops with m ≤ n. Source: Jordan et al. 2024b; torch.optim.Muon.
at::Tensor newton_schulz(const at::Tensor& M, const NewtonSchulzOptions& options = {});

}  // namespace fanion::linalg
