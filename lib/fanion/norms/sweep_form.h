#pragma once

#include <optional>

#include "fanion/norms/singular.h"
#include "fanion/norms/weighted_sum.h"

namespace fanion::norms {

/// A direction that two sweeps over a gradient, its momentum and the weights can take, as
/// low_rank · Σ_{i≤k} u_i v_iᵀ + rest · N(M).
struct SweepForm {
  /// N: nothing; M/‖M‖_F; sign(M); or sign(M − Σ_{i≤k} σ_i u_i v_iᵀ), nothing where that is rounding.
  enum class Rest { none, frobenius, sign, residual_sign };
  double low_rank = 0;
  int64_t k = 0;
  TripletOptions triplets;
  double rest = 0;
  Rest map = Rest::none;
};

/// The triplets of a form at M, from `warm`, which is overwritten, as `triplets` finds them of a matrix. Nothing, with
/// `warm` as it was, where M is zero or so near an end of the range that its squares may leave it.
std::optional<linalg::SvdResult> swept_triplets(const linalg::LinearOperator& M, const SweepForm& form,
                                                at::Tensor& warm);

/// Whether ‖M‖_F lies where squares in float32 keep their digits.
bool squares_fit(const linalg::LinearOperator& M);

/// The sum of forms of the parts of a sum; nothing where two of them have a low rank, or another N than nothing, or one
/// has no form.
std::optional<SweepForm> summed_form(const std::vector<WeightedRule>& parts, int64_t m, int64_t n);

}  // namespace fanion::norms
