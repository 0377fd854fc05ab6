#include "fanion/norms/dion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>

#include <cmath>

#include "fanion/dtype_limits.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/random_start.h"
#include "fanion/norms/batch_qr.h"
#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/matrix_norm.h"
#include "fanion/over_norm.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {
namespace {

/// U with the columns zeroed whose S is rounding beside the largest; for matrices and batches.
at::Tensor without_small_columns(const at::Tensor& U, const at::Tensor& S, int64_t longer) {
  const auto least = S.amax(-1, /*keepdim=*/true) * (machine_epsilon(U.scalar_type()) * static_cast<double>(longer));
  return U * (S > least).to(U.scalar_type()).unsqueeze(-2);
}

class Dion final : public DirectionRule {
 public:
  Dion(Rank k, int64_t passes) : k_(k), passes_(passes) {
    k.check_at_least(1);
    TORCH_CHECK_VALUE(passes >= 1, "passes = ", passes, " must be at least 1");
  }

  std::string name() const override { return c10::str("dion:", k_.text(), ",passes=", passes_); }

  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    const auto X = working_matrix(M);
    const auto at_scale = X.device().is_cpu() ? to_middle_of_range(X) : ScaledMatrix{X, 0};
    auto term = factors(at_scale.X, warm);
    if (at_scale.exponent != 0) term.S = times_power_of_two(term.S.to(at::kDouble), at_scale.exponent);
    return {{term}};
  }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    const at::AutoDispatchBelowADInplaceOrView untracked;  // no gradient flows through this
    const auto [X, size] = sized_batch(M, layout);
    const auto [m, n] = whole_shape(X, layout);
    TORCH_CHECK_VALUE(m >= n || layout == nullptr || !layout->is_spread(), name(), " is for sharded ", m, " x ", n,
                      " matrices as their transposes, whose warm starts lie along their rows");
    const bool is_wide = m < n;
    const auto A = is_wide ? X.mT() : X;
    const auto over_rows = layout == nullptr ? MatrixLayout::Sum{} : layout->over_rows;
    const int64_t shorter = A.size(-1), longer = std::max(m, n), k = k_.fitting(m, n);
    const auto start = warm == nullptr ? at::Tensor() : warm->narrow(-2, 0, shorter);
    auto Q = start.defined() ? start.to(X.scalar_type())
                             : linalg::random_block(X.size(-1), k, X.options(), {})
                                   .narrow(0, 0, shorter)
                                   .expand({X.size(0), shorter, k});
    at::Tensor P;
    for (int64_t pass = 0; pass < passes_; ++pass) {
      P = batch_qr(summed_over_columns(at::matmul(A, Q), layout), longer, over_rows).Q;
      Q = summed_over_rows(at::matmul(A.mT(), P), layout);
    }
    const auto across = layout == nullptr ? MatrixLayout{n, m} : layout->transposed();
    const auto norms = slice_norms(Q, {-2}, &across);
    auto S = norms.squeeze(-2).to(X.scalar_type());
    Q = Q / norms.clamp_min(smallest_normal(X.scalar_type())).to(X.scalar_type());
    if (start.defined()) keep_where_null_(start, Q, S, m, n);
    P = without_small_columns(P, S, longer);
    Q = without_small_columns(Q, S, longer);
    if (size.defined()) S = S * size.squeeze(-1);
    return {{is_wide ? LowRankTerm{-1, Q, P, S} : LowRankTerm{-1, P, Q, S}}};
  }

  int low_rank_parts() const override { return 1; }
  int64_t warm_columns(int64_t m, int64_t n) const override { return k_.fitting(m, n); }
  double nominal_frobenius(int64_t m, int64_t n) const override {
    return std::sqrt(static_cast<double>(k_.fitting(m, n)));
  }

 private:
  LowRankTerm factors(const at::Tensor& X, at::Tensor* warm) const {
    const at::AutoDispatchBelowADInplaceOrView untracked;  // no gradient flows through this
    const bool is_wide = X.size(-2) < X.size(-1);
    const auto A = is_wide ? X.mT() : X;
    const int64_t longer = A.size(-2), shorter = A.size(-1), k = k_.fitting(shorter, longer);
    const auto start = warm == nullptr ? at::Tensor() : warm->narrow(-2, 0, shorter);
    auto Q = start.defined() ? start.to(X.scalar_type())
                             : linalg::random_block(X.size(-1), k, X.options(), {}).narrow(0, 0, shorter);
    at::Tensor P;
    for (int64_t pass = 0; pass < passes_; ++pass) {
      P = std::get<0>(at::linalg_qr(kernels::product(A, Q)));
      Q = kernels::product(A.mT(), P);
    }
    const auto S = at::linalg_vector_norm(Q, 2, {{-2}});
    Q = over_norm(Q, {{-2}});
    // A zero matrix says nothing about the next one: keep what we had.
    if (start.defined()) start.copy_(at::where(S.amax(-1, /*keepdim=*/true).unsqueeze(-1) > 0, Q, start));
    P = without_small_columns(P, S, longer);
    Q = without_small_columns(Q, S, longer);
    return is_wide ? LowRankTerm{-1, Q, P, S} : LowRankTerm{-1, P, Q, S};
  }

  Rank k_;
  int64_t passes_;
};

}  // namespace

RulePtr dion(Rank k, int64_t passes) { return std::make_shared<Dion>(k, passes); }

}  // namespace fanion::norms
