#include "fanion/norms/singular.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <algorithm>

#include "fanion/dtype_limits.h"
#include "fanion/linalg/dense_factors.h"
#include "fanion/linalg/svd_method_traits.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {

at::Tensor singular_values_in_double(const at::Tensor& M) {
  const auto X = working_matrix(M);
  const auto largest = X.abs().amax(), scale = at::where(largest > 0, largest, at::ones_like(largest));
  return at::linalg_svdvals(X / scale).to(at::kDouble) * scale.to(at::kDouble);
}

at::Tensor singular_values(const at::Tensor& M) {
  return singular_values_in_double(M).to(M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
}

AllTriplets all_triplets(const at::Tensor& X) {
  auto factors = linalg::dense_factors(X, std::min(X.size(0), X.size(1)));
  return {factors.U, factors.all.to(X.device()), factors.V};
}

std::vector<double> nominal_spectrum(int64_t r) {
  std::vector<double> sigma(r);
  for (int64_t i = 0; i < r; ++i) sigma[i] = (static_cast<double>(r - i) - 0.5) / static_cast<double>(r);
  return sigma;
}

at::Tensor with_singular_values(const at::Tensor& X, const std::function<at::Tensor(const at::Tensor&)>& map) {
  const auto [U, S, V] = all_triplets(X);
  const auto after = map(S);
  if (at::equal(S, after)) return X.clone();
  return at::matmul(U * after.to(X.scalar_type()), V.t());
}

bool keeps_warm_start(const TripletOptions& options) { return linalg::traits_of(options.method).warm_start; }

int64_t warm_columns_for(const TripletOptions& options, int64_t k, int64_t m, int64_t n) {
  TORCH_CHECK_VALUE(k >= 1 && k <= std::min(m, n), "k = ", k, " is out of range: a ", m, " x ", n, " matrix has 1 to ",
                    std::min(m, n), " singular triplets");
  return keeps_warm_start(options) ? std::min({options.columns(k), m, n}) : 0;
}

namespace {

/// M, or M at another scale where these singular values of it, of which there are none where the solver gave up, say
/// that its squares left the range; zero looks the same. On an accelerator nobody looks: S is not waited for.
ScaledMatrix at_better_scale(const at::Tensor& M, const at::Tensor& S) {
  if (!M.device().is_cpu()) return {M, 0};
  const double first = S.defined() ? S[0].item<double>() : 0,
               most = M.scalar_type() == at::kDouble ? 0x1p+300 : 0x1p+40;
  return first >= 1 / most && first <= most ? ScaledMatrix{M, 0} : to_middle_of_range(M);
}

}  // namespace

at::Tensor ScaledTriplets::values_of_M() const {
  return exponent == 0 ? S : times_power_of_two(S.to(at::kDouble), exponent);
}

ScaledTriplets triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm) {
  const at::AutoDispatchBelowADInplaceOrView untracked;  // no gradient flows through this
  linalg::SvdOptions svd;
  svd.method = options.method;
  svd.oversample = options.columns(k) - k;
  if (keeps_warm_start(options)) {
    svd.criterion = linalg::SvdCriterion::passes;
    svd.passes = options.passes;
  } else {
    svd.criterion = linalg::SvdCriterion::residual;
    svd.tol = 1e-5;
  }
  const bool warm_started = warm != nullptr && keeps_warm_start(options);
  if (warm_started) {
    svd.warm_start = *warm;
    svd.oversample = 0;
  }
  // The operator overload: a training step has already refused non-finite gradients.
  const auto solved = [&](const ScaledMatrix& at) {
    return ScaledTriplets{linalg::topk_svd(linalg::DenseOperator(at.X), warm_started ? warm->size(1) : k, svd), at.X,
                          at.exponent};
  };
  ScaledTriplets result;
  try {
    result = solved({M, 0});
  } catch (const c10::Error&) {  // such as LAPACK's of infinite squares
    if (at_better_scale(M, {}).X.is_same(M)) throw;
  }
  if (const auto better = at_better_scale(M, result.S); !better.X.is_same(M)) result = solved(better);
  if (!warm_started) return result;
  // A zero matrix says nothing about the next one: keep what we had.
  warm->copy_(at::where(result.S[0] > 0, result.V, *warm));
  result.U = result.U.narrow(1, 0, k);
  result.S = result.S.narrow(0, 0, k);
  result.V = result.V.narrow(1, 0, k);
  return result;
}

double null_share(at::ScalarType dtype, int64_t m, int64_t n) {
  return machine_epsilon(dtype) * static_cast<double>(std::max(m, n));
}

at::Tensor without_null_columns(const at::Tensor& U, const at::Tensor& S, int64_t m, int64_t n) {
  const auto first = S.size(-1) == 1 ? S : S.narrow(-1, 0, 1);
  const auto least = first * null_share(U.scalar_type(), m, n);
  return U * (S > least).unsqueeze(-2).to(U.scalar_type());
}

LowRankTerm flattened_triplets(const at::Tensor& M, int64_t k, const TripletOptions& options, at::Tensor* warm) {
  const auto X = working_matrix(M);
  const auto svd = triplets(X, k, options, warm);
  return {-1, without_null_columns(svd.U, svd.S, M.size(0), M.size(1)), svd.V, svd.values_of_M()};
}

}  // namespace fanion::norms
