#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <utility>

/// Sweeps over a gradient and its momentum that form M, what a step's direction is taken at, a few rows at a time in
/// the cache: nothing of M's size is written. Float32 on the CPU with all threads; results do not depend on their
/// number. Every M without `feedback` has the bits that `momentum_` (dense_steps.h) gives it.
namespace fanion::kernels {

/// M of a gradient g and a momentum B, (m, n): B itself or, with `ahead`, g + μ(B − g) if `average`, else g + μB.
struct LookAhead {
  at::Tensor g, B;
  double mu;
  bool average, ahead;
  /// B decays elsewhere (optim/error_feedback.h): with w = 1 − μ if `average`, else 1, the update is B ← B + w·g, and M
  /// is B or, with `ahead`, w·g + μB.
  bool feedback = false;
  /// Where the products and the norm write M and a step reads it, alike in memory with g: sooner than it is formed
  /// again where the last cache holds it. Undefined: nowhere.
  at::Tensor kept{};
};

/// Whether the sweeps take M: g and B row-major without gaps, and a few rows fit the second-level cache.
bool takes_look_ahead(const LookAhead& M);

/// Y = M V and Z = Mᵀ Y, as `skinny_gram` gives them, (n, b) → (m, b), (n, b); `squares`, where given, becomes ‖M‖_F².
/// With `update` B ← B + (1 − μ)(g − B) if `average`, else μB + g, before, or as `feedback` says. One sweep, and
/// another for every further 8 columns.
std::pair<at::Tensor, at::Tensor> look_ahead_gram(const LookAhead& M, bool update, const at::Tensor& V,
                                                  double* squares = nullptr);
/// ‖M‖_F², after that update.
double look_ahead_squares(const LookAhead& M, bool update);

/// What a step adds: L Vᵀ + take·M, or with `sign` L Vᵀ + take·sign(M − K Vᵀ). L and K (m, k), V (n, k); an undefined
/// K is nothing, and so are L and V without it.
struct LookAheadTerms {
  at::Tensor L, K, V;
  double take;
  bool sign;
};
/// W ← keep·W + terms, after M's update with `update`. W alike in memory with g and B.
void look_ahead_step_(const at::Tensor& W, const LookAhead& M, bool update, double keep, const LookAheadTerms& terms);

/// Room for M, where it may be kept; undefined where the last cache does not hold it.
at::Tensor room_in_last_cache(const at::Tensor& g);

/// M as a matrix of its own, or B, of a B that has its update.
at::Tensor formed(const LookAhead& M);

}  // namespace fanion::kernels
