#pragma once

#include <vector>

#include "fanion/norms/matrix_norm.h"
#include "fanion/theory/batch_gradient.h"

namespace fanion::theory {

/// What a move from X to Y showed of one matrix: ‖∇_i f(X)‖† and ‖∇_i f(Y) − ∇_i f(X)‖†/‖Y_i − X_i‖.
struct SlopePoint {
  double gradient, slope;
};

/// (L₀, L₁) of ‖∇_i f(X) − ∇_i f(Y)‖† ≤ (L₀ + L₁‖∇_i f(X)‖†)·‖X_i − Y_i‖, fitted to points, with what they say of it.
struct GeneralizedSmoothness {
  double L0, L1;          ///< ≥ 0
  int64_t points, above;  ///< how many there were, and how many lie above the line
  double largest_excess;  ///< the largest slope over the line's; 1 where none lies above; inf above a line of 0
};

/// The line L₀ + L₁·gradient, L₀, L₁ ≥ 0, that has the quantile `quantile` of the slopes below it: the exact minimiser
/// of Σ_k q·[r_k]_+ + (1 − q)·[−r_k]_+, r_k = slope_k − L₀ − L₁·gradient_k (quantile regression, Koenker & Bassett
/// 1978).
///
/// A few steep points do not turn it, as they do the least line above all, quantile 1. At least one point, with finite
/// numbers ≥ 0; quantile in (0, 1]; throws otherwise. Of several minimisers that with the least L₁.
/// Cost: (points + 2)²·points/2 residuals.
GeneralizedSmoothness fit_generalized_smoothness(const std::vector<SlopePoint>& points, double quantile = 0.9);

/// ‖∇_i f‖†/(L₀ + L₁‖∇_i f‖†), the step along the LMO that lowers a bound of f most: f falls by at least half the
/// product of it and ‖∇_i f‖†, summed over the matrices (Gluon, Riabinin et al. 2025, arXiv 2505.13416, Theorem 1).
/// With L₁ = 0 it is ‖∇f‖†/L. 0 for a zero gradient; infinite where both constants are 0.
double generalized_step_size(const GeneralizedSmoothness& smoothness, double gradient);

struct WalkOptions {
  double step = 1e-2;   ///< ‖X_{k+1} − X_k‖ of every matrix, > 0
  int64_t steps = 10;   ///< ≥ 1
  int64_t batches = 1;  ///< of each step, whose mean gradient is differenced, ≥ 1
};

struct WalkSlopes {
  std::vector<std::vector<SlopePoint>> matrices;  ///< [matrix][step], each in its own norm
  std::vector<SlopePoint> whole;                  ///< of all: Σ_i ‖·‖† and max_i ‖·‖
};

/// The slopes along X_{k+1} = X_k + step·lmo(g_k), all matrices at once: g_k is the mean gradient on batches k·batches
/// … (k + 1)·batches − 1, the same at both ends of a step, so that no noise adds to a slope.
///
/// norms: one for each matrix, with a value. A step counts as long as X's precision has made it. Matrices that have not
/// moved, with a zero gradient, have no point there. Throws if an option is out of range.
/// Cost: 2·steps·batches gradients.
WalkSlopes slopes_along_walk(const BatchGradient& gradient, std::vector<at::Tensor> X,
                             const std::vector<norms::NormPtr>& norms, const WalkOptions& options);

}  // namespace fanion::theory
