#pragma once

#include "fanion/norms/matrix_norm.h"
#include "fanion/theory/least_squares.h"
#include "fanion/theory/step_sizes.h"

namespace fanion::theory {

/// What K steps of a schedule did, in ‖∇F(X_k)‖† at the K points where gradients were taken.
struct ScheduleTrial {
  double mean;    ///< over k: what the lemmas' proof bounds
  double least;   ///< over k: what the lemmas promise
  int64_t first;  ///< the first k with ‖∇F(X_k)‖† ≤ ε, from 1; 0 if there is none
};

/// Runs `sizes.K` steps of the library's own step from X₁ on least squares with gradients ∇F(X) + N, N Gaussian with
/// E‖N‖²_F = problem.sigma² and drawn from `generator`.
///
/// X1: (m, n), float64. The norm's LMO must be exact for the lemmas to hold. Throws if K is above 2^31.
/// Cost: K steps and K dual norms.
ScheduleTrial try_schedule(const LeastSquares& objective, const norms::NormPtr& norm, const at::Tensor& X1,
                           const ProblemConstants& problem, const StepSizes& sizes, at::Generator generator);

/// ε, σ, ρ, L and Δ₀ of a trial: ε is `accuracy`·‖∇F(X₁)‖†, and σ such that ρσ = `noise`·ε.
ProblemConstants trial_constants(const LeastSquares& objective, const norms::MatrixNorm& norm, const at::Tensor& X1,
                                 double accuracy, double noise);

}  // namespace fanion::theory
