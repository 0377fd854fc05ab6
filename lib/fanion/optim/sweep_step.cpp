#include "fanion/optim/sweep_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>

#include <cmath>

#include "fanion/kernels/dense_steps.h"
#include "fanion/kernels/look_ahead.h"
#include "fanion/linalg/svd/look_ahead_operator.h"
#include "fanion/norms/sweep_form.h"
#include "fanion/optim/error_feedback.h"
#include "fanion/optim/matrix_view.h"

namespace fanion::optim {
namespace {

using Rest = norms::SweepForm::Rest;
using linalg::LookAheadOperator;

constexpr int64_t kMostColumns = 32;  // more are products of matrices

/// Whether W, g and B are rows without gaps of one shape.
bool are_rows(const at::Tensor& W, const at::Tensor& g, const at::Tensor& B) {
  return W.is_contiguous() && kernels::alike_in_memory(W, g) && kernels::alike_in_memory(W, B);
}

}  // namespace

bool sweep_step_(const at::Tensor& W, const at::Tensor& grad, const at::Tensor& B, at::Tensor* warm,
                 const norms::DirectionRule& rule, const MomentumOptions& momentum, double step, double keep) {
  if (!are_rows(W, grad, B)) return false;
  const auto [m, n] = matrix_shape(W);
  const auto form = rule.sweep_form(m, n);
  const bool low_rank = form && form->k > 0 && form->low_rank != 0;
  if (!form || form->k > kMostColumns || (low_rank && form->triplets.method != linalg::SvdMethod::subspace))
    return false;
  kernels::LookAhead M{matrix_view(grad.detach()),         matrix_view(B),    momentum.momentum,
                       momentum.kind == MomentumKind::ema, momentum.nesterov, momentum.feedback};
  if (!kernels::takes_look_ahead(M)) return false;
  const bool twice = form->map == Rest::frobenius || (low_rank && form->map != Rest::none);
  if (twice && M.ahead) M.kept = kernels::room_in_last_cache(M.g);

  auto matrix = matrix_view(W);
  const LookAheadOperator A(M);
  const auto feed_back = [&](const norms::LowRankTerm* part) {
    if (momentum.feedback && part != nullptr) feed_back_(M.B, *part, /*at_B=*/!momentum.nesterov, momentum.momentum);
  };
  const auto by_way_of_M = [&] {
    const auto D = rule.direction(A.to_dense(), warm);
    norms::apply_(matrix, D, step, keep);
    feed_back(norms::capturing_term(D));
    return true;
  };
  kernels::LookAheadTerms terms{.take = form->map == Rest::none ? 0 : step * form->rest,
                                .sign = form->map != Rest::frobenius};
  norms::LowRankTerm part{};
  if (low_rank) {
    const auto svd = norms::swept_triplets(A, *form, *warm);
    if (!svd) return by_way_of_M();
    part = {form->low_rank, norms::without_null_columns(svd->U, svd->S, m, n), svd->V, svd->S};
    if (form->map == Rest::none) {
      kernels::add_low_rank_(matrix, part.U, part.V, keep, step * form->low_rank);
      feed_back(&part);
      return true;
    }
    terms.L = part.U * (step * form->low_rank);
    terms.V = part.V;
    if (form->map == Rest::residual_sign) {
      terms.K = svd->U * svd->S;
      const auto kept = norms::without_null_columns(at::ones({1, form->k}, svd->S.options()), svd->S, m, n);
      terms.take *= kept[0][form->k - 1].item<double>();  // 0 where the rest is rounding
    }
  }
  if (form->map == Rest::frobenius) {
    if (!norms::squares_fit(A)) return by_way_of_M();
    terms.take /= std::sqrt(*A.frobenius_squared());
  }
  kernels::look_ahead_step_(matrix, M, !A.updated(), keep, terms);
  feed_back(low_rank ? &part : nullptr);
  return true;
}

}  // namespace fanion::optim
