#include "tasks/svd_errors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_matrix_norm.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

namespace fanion::tasks {
namespace {

double length(const at::Tensor& X) { return at::linalg_vector_norm(X).item<double>(); }

/// The triangle of X's QR factorisation.
at::Tensor triangle(const at::Tensor& X) { return std::get<1>(at::linalg_qr(X, "r")); }

}  // namespace

SvdErrors svd_errors(const at::Tensor& A, const linalg::SvdResult& found, const ExactTriplets& exact) {
  const auto U = found.U.to(at::kDouble), S = found.S.to(at::kDouble), V = found.V.to(at::kDouble);
  SvdErrors errors;
  for (const auto& X : {U, S, V})
    if (!at::isfinite(X).all().item<bool>()) return errors;
  const int64_t k = S.size(0);
  const auto Ue = exact.U.narrow(1, 0, k), Se = exact.S.narrow(0, 0, k), Ve = exact.V.narrow(1, 0, k);

  // ÛŜV̂ᵀ − USVᵀ = LRᵀ; triangles keep the difference to full precision, where Gram matrices would square it.
  const auto L = triangle(at::cat({U * S, -(Ue * Se)}, 1)), R = triangle(at::cat({V, Ve}, 1));
  const double size = length(Se);
  errors.rank_k = size > 0 ? length(at::matmul(L, R.t())) / size : length(S);

  const auto AV = at::matmul(A, V);
  const double total = Se.sum().item<double>();
  const double outside = std::max(1.0, at::linalg_matrix_norm(triangle(U), 2).item<double>() *
                                           at::linalg_matrix_norm(triangle(V), 2).item<double>());
  errors.lmo_gap = total > 0 ? 1 - (U * AV).sum().item<double>() / outside / total : 0.0;

  const double right = at::linalg_vector_norm(AV - U * S, 2, {{0}}).max().item<double>();
  const double left = at::linalg_vector_norm(at::matmul(A.t(), U) - V * S, 2, {{0}}).max().item<double>();
  const double sigma1 = Se[0].item<double>();
  errors.residual = sigma1 > 0 ? std::max(left, right) / sigma1 : std::max(left, right);
  return errors;
}

double error_of(const SvdErrors& errors, linalg::SvdCriterion criterion) {
  switch (criterion) {
    case linalg::SvdCriterion::lmo_gap: return errors.lmo_gap;
    case linalg::SvdCriterion::residual: return errors.residual;
    case linalg::SvdCriterion::rank_k: return errors.rank_k;
    case linalg::SvdCriterion::passes: break;
  }
  TORCH_INTERNAL_ASSERT(false, "criterion '", name_of(criterion), "' measures no error");
}

double bound_of(const linalg::SvdResult& found, linalg::SvdCriterion criterion) {
  const auto& report = found.report;
  switch (criterion) {
    case linalg::SvdCriterion::lmo_gap: return report.bounds.lmo_gap;
    case linalg::SvdCriterion::rank_k: return report.bounds.rank_k;
    case linalg::SvdCriterion::residual: break;
    case linalg::SvdCriterion::passes:
      TORCH_INTERNAL_ASSERT(false, "criterion '", name_of(criterion), "' has no bound");
  }
  if (!report.residuals.defined()) return std::numeric_limits<double>::infinity();
  const double sigma1 = found.S[0].item<double>();
  return sigma1 > 0 ? report.residuals.max().item<double>() / sigma1 : report.residuals.max().item<double>();
}

}  // namespace fanion::tasks
