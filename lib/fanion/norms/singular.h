#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "fanion/linalg/topk_svd.h"
#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// All singular values, descending, (min(m, n),), float32 or float64. Entries may have any finite scale.
at::Tensor singular_values(const at::Tensor& M);
/// The same as float64, where those of a float32 matrix never overflow.
at::Tensor singular_values_in_double(const at::Tensor& M);

struct AllTriplets {
  at::Tensor U, S, V;  ///< (m, r), (r,) descending, (n, r) with r = min(m, n)
};
/// Every singular triplet of X, by a dense SVD; S in float64. X: float32 or float64, entries of any finite scale.
AllTriplets all_triplets(const at::Tensor& X);

/// The spectrum that `nominal_frobenius` counts with: r singular values that fall linearly to 0, (r − i + ½)/r.
std::vector<double> nominal_spectrum(int64_t r);

/// U diag(map(σ)) Vᵀ from the dense SVD of X = U diag(σ) Vᵀ; X itself where `map` changes nothing.
/// `map` takes and gives (min(m, n),) float64 on X's device, descending. X: float32 or float64.
at::Tensor with_singular_values(const at::Tensor& X, const std::function<at::Tensor(const at::Tensor&)>& map);

/// How a rule finds the triplets it needs.
struct TripletOptions {
  linalg::SvdMethod method = linalg::SvdMethod::automatic;
  int64_t passes = 1;                 ///< where a warm start is kept
  std::optional<int64_t> oversample;  ///< likewise: the extra columns of the warm start; none: k/2, 1 to 4
  int64_t columns(int64_t k) const { return k + oversample.value_or(std::clamp<int64_t>(k / 2, 1, 4)); }
};
/// Whether the method is one of few passes from the last call's V, which the rule keeps; the others go on until the
/// triplets are good, and take neither `passes` nor `oversample`.
bool keeps_warm_start(const TripletOptions& options);

/// What a training step uses unless told otherwise: one warm-started pass.
inline constexpr TripletOptions kTrainingTriplets{.method = linalg::SvdMethod::subspace};

/// Columns of the warm start a rule with these options keeps for k triplets of an m × n matrix.
int64_t warm_columns_for(const TripletOptions& options, int64_t k, int64_t m, int64_t n);

/// Triplets, and the matrix they belong to: M, or M over the power of two that takes it to the middle of the range.
struct ScaledTriplets : linalg::SvdResult {
  at::Tensor matrix;
  int exponent = 0;  ///< M is matrix·2^exponent

  /// The singular values of M: S, or where they may be out of its range, float64.
  at::Tensor values_of_M() const;
};
/// The k largest triplets of M, with `warm` (see DirectionRule::direction) used and overwritten. Of M/2^e, on the CPU,
/// where σ₁ lies so near an end of the range that squares would leave it: directions do not depend on a scale.
ScaledTriplets triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm = nullptr);

/// −UVᵀ of the k largest triplets, with the columns of U zero where σ_i ≤ max(m, n)·eps·σ₁: a matrix of lower rank has
/// no direction there.
LowRankTerm flattened_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options,
                               at::Tensor* warm = nullptr);
/// max(m, n)·eps: the share of σ₁ up to which a singular value is rounding.
double null_share(at::ScalarType dtype, int64_t m, int64_t n);
/// U (m, k) or (b, m, k) with those columns zeroed, for triplets already found.
at::Tensor without_null_columns(const at::Tensor& U, const at::Tensor& S, int64_t m, int64_t n);

}  // namespace fanion::norms
