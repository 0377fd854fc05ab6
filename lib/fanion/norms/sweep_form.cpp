#include "fanion/norms/sweep_form.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>

namespace fanion::norms {

bool squares_fit(const linalg::LinearOperator& M) {
  const auto squares = M.frobenius_squared();
  return squares && *squares > 0x1p-80 && *squares < 0x1p+80;
}

std::optional<linalg::SvdResult> swept_triplets(const linalg::LinearOperator& M, const SweepForm& form,
                                                at::Tensor& warm) {
  const at::AutoDispatchBelowADInplaceOrView untracked;  // no gradient flows through this
  const linalg::SvdOptions options{.method = linalg::SvdMethod::subspace,
                                   .criterion = linalg::SvdCriterion::passes,
                                   .passes = form.triplets.passes,
                                   .oversample = 0,
                                   .warm_start = warm};
  linalg::SvdResult result;
  try {
    result = linalg::topk_svd(M, warm.size(1), options);
  } catch (const c10::Error&) {  // such as LAPACK's of infinite squares
    if (squares_fit(M)) throw;
  }
  if (!squares_fit(M)) return std::nullopt;
  if (result.S[0].item<double>() > 0) warm.copy_(result.V);
  result.U = result.U.narrow(1, 0, form.k);
  result.S = result.S.narrow(0, 0, form.k);
  result.V = result.V.narrow(1, 0, form.k);
  return result;
}

std::optional<SweepForm> DirectionRule::sweep_form(int64_t, int64_t) const { return std::nullopt; }

std::optional<SweepForm> summed_form(const std::vector<WeightedRule>& parts, int64_t m, int64_t n) {
  SweepForm sum;
  for (const auto& [weight, rule] : parts) {
    const auto form = rule->sweep_form(m, n);
    if (!form || (form->k > 0 && sum.k > 0)) return std::nullopt;
    if (form->map != SweepForm::Rest::none && sum.map != SweepForm::Rest::none) return std::nullopt;
    if (form->k > 0) {
      sum.low_rank = weight * form->low_rank;
      sum.k = form->k;
      sum.triplets = form->triplets;
    }
    if (form->map != SweepForm::Rest::none) {
      sum.rest = weight * form->rest;
      sum.map = form->map;
    }
  }
  return sum;
}

}  // namespace fanion::norms
