#pragma once

#include <string>
#include <vector>

#include "fanion/linalg/topk_svd.h"
#include "oracle.h"

/// Whether a top-k SVD and what its report claims agree with the exact float64 SVD.
namespace fanion::testing {

/// All rows of the table of methods but `automatic`.
std::vector<linalg::SvdMethod> every_method();

/// A matrix with its exact SVD, so that many runs can be held against one.
struct Judged {
  explicit Judged(const at::Tensor& matrix);
  /// ‖ÛŜV̂ᵀ − A_k‖_F / ‖A_k‖_F for the best rank-k approximation A_k nearest to ÛŜV̂ᵀ: where values within 64 roundings
  /// of σ_k go on beyond it, any k of them make one. 0 if A_k and what was found are 0.
  double rank_k_error(const linalg::SvdResult& svd) const;
  /// 1 − Σσ̂/Σσ, 0 for a zero matrix.
  double lmo_gap(const linalg::SvdResult& svd) const;
  /// The larger of ‖Av̂ − σ̂û‖ and ‖Aᵀû − σ̂v̂‖ of every triplet, of A/scale.
  std::vector<double> residuals(const linalg::SvdResult& svd) const;
  /// The largest of them relative to σ̂₁; 0 if both are 0.
  double residual(const linalg::SvdResult& svd) const;

  at::Tensor A;  ///< as it was given
  double scale;  ///< largest entry, or 1: what follows is of A/scale, so that no square leaves float64's range
  at::Tensor scaled;
  ExactSvd exact;
  std::vector<double> sigma;  ///< of A/scale
  double eps;                 ///< unit roundoff of the working precision, and of S where it is denormal
};

/// What is wrong with the result, one line each; nothing if it keeps every promise of its report:
/// orthonormal factors, σ̂ᵢ ≤ σᵢ, the residuals and bounds of svd_report.h, and the criterion's inequality where it
/// converged.
std::vector<std::string> broken_promises(const Judged& A, const linalg::SvdResult& svd, double tol);

}  // namespace fanion::testing
