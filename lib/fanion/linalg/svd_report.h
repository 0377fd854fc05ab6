#pragma once

#include <ATen/core/Tensor.h>

#include <limits>
#include <string>

#include "fanion/linalg/svd_options.h"

namespace fanion::linalg {

/// What the upper bounds of a report rest on.
/// `proved`: arithmetic alone, up to rounding; `probabilistic`: they fail with probability at most
/// `failure_probability` over the random start; `none`: no bound was computed.
enum class BoundKind { proved, probabilistic, none };
std::string_view name_of(BoundKind kind);

/// Bounds of the error of what was returned; infinite where unknown. The returned σ̂ᵢ are lower bounds of σᵢ.
struct SvdBounds {
  BoundKind kind = BoundKind::none;
  double failure_probability = 0;
  at::Tensor upper;  ///< ≥ σᵢ, (k,) float64 on the CPU; undefined if kind is none
  double next_upper = std::numeric_limits<double>::infinity();  ///< ≥ σ_{k+1}
  double rank_k = std::numeric_limits<double>::infinity();      ///< ≥ ‖ÛŜV̂ᵀ − A_k‖_F / ‖A_k‖_F
  double lmo_gap = std::numeric_limits<double>::infinity();     ///< ≥ 1 − Σσ̂ᵢ / Σσᵢ
};

/// Wall time by stage, in seconds.
struct SvdSeconds {
  double products = 0;   ///< A·V and Aᵀ·U
  double basis = 0;      ///< orthogonalisation, forming U and V, and the sample of a sampled start
  double projected = 0;  ///< small dense problems and bounds
};

inline SvdSeconds& operator+=(SvdSeconds& total, const SvdSeconds& more) {
  total.products += more.products;
  total.basis += more.basis;
  total.projected += more.projected;
  return total;
}

struct SvdReport {
  SvdMethod method = SvdMethod::dense;  ///< the method that ran
  SvdCriterion criterion = SvdCriterion::rank_k;
  SvdStatus status = SvdStatus::converged;
  int64_t products = 0;  ///< columns multiplied by A or Aᵀ, but for those of a sampled start
  int64_t reads = 0;     ///< reads of A, likewise
  int64_t restarts = 0;
  /// Per triplet max(‖Av̂ − σ̂û‖, ‖Aᵀû − σ̂v̂‖), (k,) float64 on the CPU. True ones from `dense` and for the criterion
  /// `residual`; else what the Krylov methods know without another product, an upper bound. Undefined after a fixed
  /// number of passes of the power methods.
  at::Tensor residuals;
  SvdBounds bounds;
  SvdSeconds seconds;
  std::string message;  ///< one line, with numbers
};

}  // namespace fanion::linalg
