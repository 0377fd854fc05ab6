#include "fanion/norms/deflated.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/linalg/polar/newton_schulz_choice.h"
#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/rule_text.h"
#include "fanion/norms/spread_residual.h"
#include "fanion/norms/sweep_form.h"

namespace fanion::norms {
namespace {

class Deflated final : public DirectionRule {
 public:
  Deflated(Rank k, ResidualMap map, TripletOptions options, linalg::NewtonSchulzOptions newton_schulz)
      : k_(k), map_(map), options_(options), newton_schulz_(std::move(newton_schulz)) {
    k.check_at_least(0);
  }

  std::string name() const override {
    const auto text = c10::str("d-fanion:", k_.text(), ",residual=", name_of(map_), ",", text_of(options_));
    return map_ == ResidualMap::newton_schulz ? text + "," + text_of(newton_schulz_) : text;
  }

  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    const auto X = working_matrix(M);
    const int64_t m = X.size(0), n = X.size(1), smaller = std::min(m, n), k = k_.of(m, n);
    const int64_t needed = triplets_needed(m, n);
    if (needed == 0) return {{rest(X, {}, {}, {})}};
    const auto svd = triplets(X, needed, options_, warm);
    const auto& R = svd.matrix;
    Direction D;
    const auto scale = residual_scale(svd.S, m, n);
    if (k == 0) return {{rest(R, {}, {}, scale)}};
    const auto U = svd.U.narrow(1, 0, k), S = svd.S.narrow(0, 0, k), V = svd.V.narrow(1, 0, k);
    D.terms.push_back(LowRankTerm{-1, without_null_columns(U, S, m, n), V, svd.values_of_M().narrow(0, 0, k)});
    if (k < smaller) D.terms.push_back(rest(R, U * S, V, scale));
    return D;
  }

  bool takes_blocks(const MatrixLayout& layout) const override {
    return map_ != ResidualMap::newton_schulz &&
           (triplets_needed(layout.m, layout.n) == 0 || found_in_passes(options_));
  }
  Direction batch_direction(const at::Tensor& given, at::Tensor* warm, const MatrixLayout* layout) const override {
    const auto M = working_batch(given);
    const auto [m, n] = whole_shape(M, layout);
    const int64_t k = k_.of(m, n), needed = triplets_needed(m, n);
    const bool whole = layout == nullptr || !layout->is_spread();
    if (!whole && map_ == ResidualMap::newton_schulz) return DirectionRule::batch_direction(M, warm, layout);  // throws
    if (needed == 0) return {{batch_rest(M, {}, {}, {}, layout)}};
    if (!found_in_batches(options_, warm)) return DirectionRule::batch_direction(M, warm, layout);
    const auto found = batch_triplets(M, needed, options_, warm, layout);
    const auto last = residual_scale(found.S, m, n);
    if (k == 0) return {{batch_rest(M, {}, {}, last, layout)}};
    const auto U = found.U.narrow(2, 0, k), S = found.S.narrow(1, 0, k), V = found.V.narrow(2, 0, k);
    Direction D{{LowRankTerm{-1, without_null_columns(U, S, m, n), V, S}}};
    if (k < std::min(m, n)) D.terms.push_back(batch_rest(M, U * S.unsqueeze(1), V, last, layout));
    return D;
  }

  std::optional<linalg::NewtonSchulzOptions> newton_schulz_choice(const at::Tensor& M) const override {
    if (map_ != ResidualMap::newton_schulz) return {};
    return linalg::chosen_newton_schulz(M, newton_schulz_);
  }
  int low_rank_parts() const override { return k_.is_zero() ? 0 : 1; }
  double nominal_frobenius(int64_t m, int64_t n) const override {
    triplets_needed(m, n);
    const int64_t smaller = std::min(m, n), k = k_.of(m, n);
    if (map_ != ResidualMap::clip) return std::sqrt(static_cast<double>(smaller));
    const auto sigma = nominal_spectrum(smaller);
    double squares = static_cast<double>(k);
    for (auto i = k; i < smaller; ++i) squares += std::pow(sigma[i] / sigma[k], 2);
    return std::sqrt(squares);
  }
  std::optional<SweepForm> sweep_form(int64_t m, int64_t n) const override {
    if (map_ != ResidualMap::sign || triplets_needed(m, n) == std::min(m, n)) return std::nullopt;
    if (k_.is_zero()) return SweepForm{.rest = -weight(m, n), .map = SweepForm::Rest::sign};
    return SweepForm{.low_rank = -1,
                     .k = k_.of(m, n),
                     .triplets = options_,
                     .rest = -weight(m, n),
                     .map = SweepForm::Rest::residual_sign};
  }

  int64_t warm_columns(int64_t m, int64_t n) const override {
    const int64_t needed = triplets_needed(m, n);
    return needed == 0 ? 0 : warm_columns_for(options_, needed, m, n);
  }

 private:
  /// `clip` divides by σ_{k+1}.
  int64_t triplets_needed(int64_t m, int64_t n) const {
    const int64_t k = k_.fitting(m, n, 0);
    return map_ == ResidualMap::clip ? std::min(k + 1, std::min(m, n)) : k;
  }

  double weight(int64_t m, int64_t n) const {
    const auto energy = std::sqrt(static_cast<double>(std::min(m, n) - k_.of(m, n)));
    switch (map_) {
      case ResidualMap::sign: return energy / std::sqrt(static_cast<double>(m) * static_cast<double>(n));
      case ResidualMap::row_norm: return energy / std::sqrt(static_cast<double>(m));
      case ResidualMap::col_norm: return energy / std::sqrt(static_cast<double>(n));
      case ResidualMap::frobenius:
      case ResidualMap::newton_schulz: return energy;
      case ResidualMap::clip: return 1;
    }
    TORCH_INTERNAL_ASSERT(false);
  }

  /// −c·N(M − L Vᵀ) of a batch of whole or spread matrices.
  Term batch_rest(const at::Tensor& M, const at::Tensor& L, const at::Tensor& V, const at::Tensor& scale,
                  const MatrixLayout* layout) const {
    if (map_ == ResidualMap::newton_schulz) return rest(M, L, V, scale);
    const auto [m, n] = whole_shape(M, layout);
    return spread_residual({-weight(m, n), map_, M, L, V, scale}, layout);
  }
  /// −c·N(M − L Vᵀ), of a matrix or a batch.
  Term rest(const at::Tensor& M, const at::Tensor& L, const at::Tensor& V, const at::Tensor& scale) const {
    ResidualTerm term{-weight(M.size(-2), M.size(-1)), map_, M, L, V, scale};
    if (map_ != ResidualMap::newton_schulz) return term;
    const auto R = residual_of(term);
    const auto N = linalg::newton_schulz(R, linalg::chosen_newton_schulz(R, newton_schulz_));
    const auto wide = N.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    const auto norm = at::linalg_vector_norm(N, 2, {{-2, -1}}, /*keepdim=*/M.dim() == 3, wide);
    const auto inverse = at::where(norm > 0, norm.reciprocal(), norm);
    return ScaledTerm{term.coef, N, scale.defined() ? inverse * scale : inverse};
  }

  /// 0 where the triplets found already span M up to rounding: what is left of it has no direction, and N would blow
  /// it up to full size. Else 1, or 1/σ_{k+1} for `clip`. 0-dimensional, or (b, 1, 1).
  at::Tensor residual_scale(const at::Tensor& S, int64_t m, int64_t n) const {
    const auto factor =
        map_ == ResidualMap::clip ? S.clamp_min(std::numeric_limits<float>::min()).reciprocal() : at::ones_like(S);
    const auto last = without_null_columns(factor.unsqueeze(-2), S, m, n).narrow(-1, S.size(-1) - 1, 1);
    return S.dim() == 1 ? last.squeeze() : last;
  }

  Rank k_;
  ResidualMap map_;
  TripletOptions options_;
  linalg::NewtonSchulzOptions newton_schulz_;
};

}  // namespace

RulePtr deflated(Rank k, ResidualMap map, TripletOptions triplets, const linalg::NewtonSchulzOptions& newton_schulz) {
  return std::make_shared<Deflated>(k, map, triplets, newton_schulz);
}

}  // namespace fanion::norms
