#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

namespace fanion::linalg {

/// `converged`: the isometry error is at rounding; `exhausted`: a singular value stayed between 0 and 1.
enum class PolarStatus { converged, exhausted };

struct PolarOptions {
  /// Singular values ≥ tol·‖M‖_F come out as 1; in [eps, 1) of the dtype, or 0 for 1e-13 in float64 and 1e-6 in
  /// float32: a hundredth of them is what rounding of M's entries and of the iterations makes of a zero one.
  double tol = 0;
};

struct PolarReport {
  PolarStatus status = PolarStatus::converged;
  int64_t iterations = 0;     ///< Halley steps; 5 (float64) or 4 (float32) with the default tol
  int64_t qr_iterations = 0;  ///< those of them that took a QR factorisation instead of a Cholesky one
  int64_t snaps = 0;          ///< steps that separated the singular values 0 and 1; 0 at full rank
  double isometry_error = 0;  ///< ‖QQᵀQ − Q‖_F, the largest of a batch
  at::Tensor rank;            ///< singular values that came out as 1: int64 on the CPU, () or (b,)
  std::string message;        ///< one line, with numbers
};

struct PolarResult {
  at::Tensor Q;
  PolarReport report;
};

/// The polar factor Q = U Vᵀ of M = U S Vᵀ, to working precision, by QDWH (polar.cpp).
///
/// M = QH with H symmetric positive semidefinite. Of the thin M = U S Vᵀ, a singular value
///   σ ≥ tol·‖M‖_F       comes out as 1, so that a matrix of full rank gives U Vᵀ,
///   σ ≤ tol·‖M‖_F / 100 comes out as 0: Q is then the partial isometry with the null space of M, and zero gives zero,
///   between the two     comes out as 0 or as 1.
/// M: (m, n) or a batch (b, m, n), any float dtype (16-bit ones widened to float32), any device; never written to.
/// Q: M's shape, float64 or float32, with ‖QQᵀQ − Q‖_F ≤ 10·eps·k and ‖M − QH‖_F ≤ 20·eps·√k·‖M‖_F for the symmetric
/// part H of QᵀM, k = min(m, n). Q is as well determined as the problem is: ‖ΔQ‖ ≲ eps·‖M‖_F/σ for the smallest σ kept.
/// Errors: ValueError on other shapes or dtypes, no entries, tol outside its range, NaN or Inf in M.
/// Cost with m ≥ n: a QR iteration 6mn² + 8n³/3 flops (two with the default tol), a Cholesky one 4mn² + n³/3 (three in
/// float64, two in float32), the test 4mn², a snap 6mn² + 2n³ with its test (none at full rank, some five else).
/// Source: Nakatsukasa, Bai & Gygi 2010, SIAM J. Matrix Anal. Appl. 31(5); Nakatsukasa & Higham 2013.
at::Tensor polar(const at::Tensor& M, const PolarOptions& options = {});

/// The same with a report.
PolarResult polar_with_report(const at::Tensor& M, const PolarOptions& options = {});

std::string_view name_of(PolarStatus status);

}  // namespace fanion::linalg
