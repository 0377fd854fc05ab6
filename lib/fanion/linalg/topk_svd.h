#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

#include "fanion/linalg/linear_operator.h"

namespace fanion::linalg {

/// `automatic`: dense where min(m, n) is small or k a large part of it, else Lanczos;
/// `dense`: LAPACK on the formed matrix; `lanczos`: thick-restart Golub–Kahan–Lanczos;
/// `subspace`: a fixed number of block power passes, for warm starts (what a training step uses).
enum class SvdMethod { automatic, dense, lanczos, subspace };

/// `converged`: every residual is within tol; `exhausted`: the restarts ran out before that, the best
/// triplets are returned; `passes`: the fixed budget was spent, no tolerance was asked for.
enum class SvdStatus { converged, exhausted, passes };

struct SvdOptions {
  SvdMethod method = SvdMethod::automatic;
  /// Lanczos stops when max(‖A v_i − σ_i u_i‖, ‖Aᵀu_i − σ_i v_i‖) ≤ tol·σ₁ for every i ≤ k.
  double tol = 1e-5;
  /// Subspace: passes over A, each one A·V and one Aᵀ·U.
  int64_t passes = 4;
  /// Subspace: extra columns; they speed convergence by σ_{k+oversample+1}/σ_k a pass.
  int64_t oversample = 4;
  /// Lanczos: basis size p with k < p ≤ min(m, n); 0 chooses min(max(2k + 8, 20), min(m, n)).
  int64_t basis = 0;
  int64_t max_restarts = 300;
  /// Guess of the right singular vectors, (n, j) with j ≥ 1; it need not be orthonormal. Undefined: random.
  at::Tensor warm_start;
  /// Source of the random start. Without one the start is a fixed sequence: same input, same result.
  std::optional<at::Generator> generator;
};

struct SvdReport {
  SvdMethod method = SvdMethod::dense;  ///< the method that ran
  SvdStatus status = SvdStatus::converged;
  int64_t products = 0;  ///< columns multiplied by A or Aᵀ
  int64_t passes = 0;    ///< reads of A
  int64_t restarts = 0;
  /// Per triplet max(‖Av − σu‖, ‖Aᵀu − σv‖), (k,) float64 on the CPU; undefined after `subspace`,
  /// which does not spend the extra products.
  at::Tensor residuals;
  std::string message;  ///< one line, with numbers
};

struct SvdResult {
  at::Tensor U;  ///< (m, k), orthonormal columns
  at::Tensor S;  ///< (k,), descending
  at::Tensor V;  ///< (n, k), orthonormal columns
  SvdReport report;
};

/// The k largest singular triplets: A ≈ U diag(S) Vᵀ.
///
/// A: m × n operator (or tensor: float32, float64, bfloat16/float16 widened to float32), any device.
/// Errors: k outside 1 … min(m, n), tol outside (0, 1), a warm start of wrong shape, NaN or Inf in a tensor A.
/// Cost: `dense` O(mn·min(m, n)); `lanczos` 2mn per product and O((m + n) p²) per restart;
/// `subspace` 4mn(k + oversample) per pass.
/// Source: 004 §3; each method's file names its own.
SvdResult topk_svd(const LinearOperator& A, int64_t k, const SvdOptions& options = {});
SvdResult topk_svd(const at::Tensor& A, int64_t k, const SvdOptions& options = {});

SvdMethod svd_method_from_name(std::string_view name);
std::string_view name_of(SvdMethod method);
std::string_view name_of(SvdStatus status);

}  // namespace fanion::linalg
