#include "fanion/norms/deflated.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones_like.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/rule_text.h"
#include "fanion/norms/sweep_form.h"

namespace fanion::norms {
namespace {

class Deflated final : public DirectionRule {
 public:
  Deflated(int64_t k, ResidualMap map, TripletOptions options) : k_(k), map_(map), options_(options) {
    TORCH_CHECK_VALUE(k >= 0, "k = ", k, " must not be negative");
  }

  std::string name() const override {
    return c10::str("d-fanion:k=", k_, ",residual=", name_of(map_), ",", text_of(options_));
  }

  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    const auto X = working_matrix(M);
    const int64_t m = X.size(0), n = X.size(1), smaller = std::min(m, n);
    const int64_t needed = triplets_needed(m, n);
    if (needed == 0) return {{ResidualTerm{-weight(m, n), map_, X, {}, {}, {}}}};
    const auto svd = triplets(X, needed, options_, warm);
    const auto& R = svd.matrix;
    Direction D;
    const auto scale = residual_scale(svd.S, m, n);
    if (k_ == 0) return {{ResidualTerm{-weight(m, n), map_, R, {}, {}, scale}}};
    const auto U = svd.U.narrow(1, 0, k_), S = svd.S.narrow(0, 0, k_), V = svd.V.narrow(1, 0, k_);
    D.terms.push_back(LowRankTerm{-1, without_null_columns(U, S, m, n), V, R.is_same(X) ? S : at::Tensor()});
    if (k_ < smaller) D.terms.push_back(ResidualTerm{-weight(m, n), map_, R, U * S, V, scale});
    return D;
  }

  Direction batch_direction(const at::Tensor& M, at::Tensor* warm) const override {
    const int64_t m = M.size(1), n = M.size(2), needed = triplets_needed(m, n);
    if (needed == 0) return {{ResidualTerm{-weight(m, n), map_, M, {}, {}, {}}}};
    if (!found_in_batches(options_, warm)) return DirectionRule::batch_direction(M, warm);
    const auto found = batch_triplets(M, needed, options_, warm);
    const auto last = batch_residual_scale(found.S, m, n);
    if (k_ == 0) return {{ResidualTerm{-weight(m, n), map_, M, {}, {}, last}}};
    const auto U = found.U.narrow(2, 0, k_), S = found.S.narrow(1, 0, k_), V = found.V.narrow(2, 0, k_);
    Direction D{{LowRankTerm{-1, without_null_columns_of_batch(U, S, m, n), V, S}}};
    if (k_ < std::min(m, n)) D.terms.push_back(ResidualTerm{-weight(m, n), map_, M, U * S.unsqueeze(1), V, last});
    return D;
  }

  double nominal_frobenius(int64_t m, int64_t n) const override {
    triplets_needed(m, n);
    const int64_t smaller = std::min(m, n);
    if (map_ != ResidualMap::clip) return std::sqrt(static_cast<double>(smaller));
    const auto sigma = nominal_spectrum(smaller);
    double squares = static_cast<double>(k_);
    for (auto i = k_; i < smaller; ++i) squares += std::pow(sigma[i] / sigma[k_], 2);
    return std::sqrt(squares);
  }
  std::optional<SweepForm> sweep_form(int64_t m, int64_t n) const override {
    if (map_ != ResidualMap::sign || triplets_needed(m, n) == std::min(m, n)) return std::nullopt;
    if (k_ == 0) return SweepForm{.rest = -weight(m, n), .map = SweepForm::Rest::sign};
    return SweepForm{
        .low_rank = -1, .k = k_, .triplets = options_, .rest = -weight(m, n), .map = SweepForm::Rest::residual_sign};
  }

  int64_t warm_columns(int64_t m, int64_t n) const override {
    const int64_t needed = triplets_needed(m, n);
    return needed == 0 ? 0 : warm_columns_for(options_, needed, m, n);
  }

 private:
  /// `clip` divides by σ_{k+1}.
  int64_t triplets_needed(int64_t m, int64_t n) const {
    const int64_t smaller = std::min(m, n);
    TORCH_CHECK_VALUE(k_ <= smaller, "k = ", k_, " is out of range: a ", m, " x ", n, " matrix allows 0 to ", smaller);
    return map_ == ResidualMap::clip ? std::min(k_ + 1, smaller) : k_;
  }

  double weight(int64_t m, int64_t n) const {
    const auto energy = std::sqrt(static_cast<double>(std::min(m, n) - k_));
    switch (map_) {
      case ResidualMap::sign: return energy / std::sqrt(static_cast<double>(m) * static_cast<double>(n));
      case ResidualMap::row_norm: return energy / std::sqrt(static_cast<double>(m));
      case ResidualMap::col_norm: return energy / std::sqrt(static_cast<double>(n));
      case ResidualMap::frobenius: return energy;
      case ResidualMap::clip: return 1;
    }
    TORCH_INTERNAL_ASSERT(false);
  }

  /// 0 where the triplets found already span M up to rounding: what is left of it has no direction, and N would blow
  /// it up to full size. Else 1, or 1/σ_{k+1} for `clip`.
  at::Tensor residual_scale(const at::Tensor& S, int64_t m, int64_t n) const {
    const auto factor =
        map_ == ResidualMap::clip ? S.clamp_min(std::numeric_limits<float>::min()).reciprocal() : at::ones_like(S);
    return without_null_columns(factor.unsqueeze(0), S, m, n)[0][S.numel() - 1];
  }

  /// The same of a batch, (b, 1, 1).
  at::Tensor batch_residual_scale(const at::Tensor& S, int64_t m, int64_t n) const {
    const auto factor =
        map_ == ResidualMap::clip ? S.clamp_min(std::numeric_limits<float>::min()).reciprocal() : at::ones_like(S);
    return without_null_columns_of_batch(factor.unsqueeze(1), S, m, n).narrow(2, S.size(1) - 1, 1);
  }

  int64_t k_;
  ResidualMap map_;
  TripletOptions options_;
};

}  // namespace

RulePtr deflated(int64_t k, ResidualMap map, TripletOptions triplets) {
  return std::make_shared<Deflated>(k, map, triplets);
}

}  // namespace fanion::norms
