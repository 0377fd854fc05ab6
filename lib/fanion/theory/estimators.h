#pragma once

#include <ATen/core/Generator.h>

#include <vector>

#include "fanion/norms/matrix_norm.h"
#include "fanion/theory/batch_gradient.h"

namespace fanion::theory {

/// A mean over independent samples.
struct Estimate {
  double value;
  double standard_error;  ///< deviation of the samples over √count
};

struct NoiseEstimate {
  std::vector<Estimate> matrices;  ///< σ² of each matrix
  Estimate whole;                  ///< of all as one vector: their sum
  std::vector<at::Tensor> mean;    ///< the mean gradient, float64
};

/// σ² = E‖g − ∇f‖²_F (NuclearNorm A1) at X, from batches 0 … batches − 1 in disjoint pairs: the mean of ½‖g − g'‖²_F,
/// which is unbiased and has independent samples. An even number of batches, at least 4; throws otherwise. It says
/// nothing of σ elsewhere, which (A1) bounds too. Cost: `batches` gradients; three of them in memory.
NoiseEstimate estimate_noise(const BatchGradient& gradient, const std::vector<at::Tensor>& X, int64_t batches);

struct LocalSmoothnessOptions {
  double step = 1e-2;             ///< ‖D‖ of every matrix, > 0
  int64_t batches = 1;            ///< whose mean gradient is differenced, ≥ 1
  int64_t random_directions = 1;  ///< ≥ 0
};

/// The largest ‖g(X + D) − g(X)‖†/‖D‖ seen; NaN where no direction could be tried.
struct LocalSmoothness {
  double along_lmo;     ///< D = step·lmo(g(X)), the step that an optimizer makes; NaN for a zero gradient
  double along_random;  ///< D Gaussian, of that size
};

struct SmoothnessEstimate {
  std::vector<LocalSmoothness> matrices;  ///< moving one matrix, the others fixed, in its own norm
  LocalSmoothness whole;                  ///< moving all, ‖D‖ = max_i ‖D_i‖, ‖g‖† = Σ_i ‖g_i‖†
};

/// Lower bounds on L of (NuclearNorm A2) near X: g is the mean gradient of batches 0 … batches − 1, the same at both
/// points.
///
/// norms: one for each matrix, with a value. The D that counts is the one that X + D in X's precision has made of it.
/// Random directions come from `generator`, a CPU one. Throws if a count or the step is out of range.
/// Cost: batches·(1 + (matrices + 1)(1 + random_directions)) gradients.
SmoothnessEstimate estimate_smoothness(const BatchGradient& gradient, const std::vector<at::Tensor>& X,
                                       const std::vector<norms::NormPtr>& norms, const LocalSmoothnessOptions& options,
                                       at::Generator generator);

/// ρ of the norm max_i ‖X_i‖ on all matrices together: √Σρ_i².
double rho_of_product(const std::vector<norms::NormPtr>& norms, const std::vector<at::Tensor>& X);

}  // namespace fanion::theory
