#include "fanion/norms/dion.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
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
  bool takes_blocks(const MatrixLayout&) const override { return true; }
  bool takes_replicas() const override { return true; }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    const at::AutoDispatchBelowADInplaceOrView untracked;  // no gradient flows through this
    const auto [X, size] = sized_batch(M, layout);
    const auto [m, n] = whole_shape(X, layout);
    const bool is_wide = m < n, spread = layout != nullptr && layout->is_spread();
    const auto A = is_wide ? X.mT() : X;
    const auto of_X = layout == nullptr ? MatrixLayout{m, n} : *layout, of = is_wide ? of_X.transposed() : of_X;
    const int64_t shorter = A.size(-1), longer = std::max(m, n), k = k_.fitting(m, n);
    const bool as_rows = is_wide && spread && warm != nullptr;
    const auto kept = as_rows           ? start_of_wide(*warm, of)
                      : warm == nullptr ? at::Tensor()
                                        : warm->narrow(-2, 0, shorter);
    auto Q = as_rows          ? own_rows(kept, of, shorter).to(X.scalar_type())
             : kept.defined() ? kept.to(X.scalar_type())
                              : linalg::random_block(X.size(-1), k, X.options(), {})
                                    .narrow(0, 0, shorter)
                                    .expand({X.size(0), shorter, k});
    at::Tensor P;
    for (int64_t pass = 0; pass < passes_; ++pass) {
      P = batch_qr(product_with_columns(at::matmul(A, Q), &of), longer, of.over_rows).Q;
      Q = product_with_rows(at::matmul(A.mT(), P), &of);
    }
    const auto across = of.transposed();
    const auto norms = slice_norms(Q, {-2}, &across);
    auto S = norms.squeeze(-2).to(X.scalar_type());
    Q = Q / norms.clamp_min(smallest_normal(X.scalar_type())).to(X.scalar_type());
    if (as_rows) {
      auto next = at::zeros_like(kept);
      next.narrow(-2, of.columns.first, of.columns.count).copy_(Q.narrow(-2, 0, of.columns.count));
      keep_where_null_(kept, summed_over_columns(next, &of), S, m, n);
      const auto here = rows_of_start(of);
      if (here > 0) warm->narrow(-2, 0, here).copy_(kept.narrow(-2, of.rows.first, here));
    } else if (kept.defined()) {
      keep_where_null_(kept, Q, S, m, n);
    }
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
  /// Wide matrices keep Q₀ in the first rows of a tensor that is spread as their columns, the rows of A = Mᵀ, are: how
  /// many of these are here.
  static int64_t rows_of_start(const MatrixLayout& of) {
    return std::clamp<int64_t>(of.n - of.rows.first, 0, of.rows.count);
  }
  /// Q₀ of spread wide matrices, whole: (b, m, k).
  static at::Tensor start_of_wide(const at::Tensor& warm, const MatrixLayout& of) {
    auto all = at::zeros({warm.size(0), of.n, warm.size(2)}, warm.options());
    const auto here = rows_of_start(of);
    if (here > 0) all.narrow(-2, of.rows.first, here).copy_(warm.narrow(-2, 0, here));
    return summed_over_rows(all, &of);
  }
  /// Those of its rows that belong to a block of so many; zeros beyond.
  static at::Tensor own_rows(const at::Tensor& all, const MatrixLayout& of, int64_t rows) {
    auto own = at::zeros({all.size(0), rows, all.size(2)}, all.options());
    own.narrow(-2, 0, of.columns.count).copy_(all.narrow(-2, of.columns.first, of.columns.count));
    return own;
  }

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
