#include "fanion/linalg/svd/narrow/mixed_refinement.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/svd/half_step.h"
#include "fanion/linalg/svd/narrow/corrected_operator.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/svd/svd_bounds.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

/// What bounds of the narrow matrix say of A: singular values move by at most `distance`.
EigenvalueBounds moved(const SvdBounds& bounds, double scale, double distance, double rest) {
  EigenvalueBounds upper{{}, bounds.kind, rest};
  auto sigma = bounds.upper.defined() ? to_doubles(bounds.upper) : std::vector<double>();
  sigma.push_back(bounds.next_upper);
  for (const double each : sigma) {
    const double most = each / scale + distance;
    upper.upper.push_back(most * most);
  }
  return upper;
}

/// N + E₁V̂ᵀ + ÛE₂ᵀ, which agrees with A·scale on V̂ from the right and on Û from the left; nothing where a σ̂ is zero.
std::shared_ptr<const LinearOperator> corrected(const Narrowed& narrow, const OnSpace& seen) {
  const auto &U = seen.result.U, &S = seen.result.S, &V = seen.result.V;
  if (!(S.min().item<double>() > 0)) return nullptr;
  const auto scaled = S * narrow.scale, adjoint = (V * S + seen.left_over / S) * narrow.scale;
  const auto [NV, NtNV] = narrow.A->apply_gram(V);
  const auto NtU = narrow.A->apply_adjoint(U);
  const auto E1 = U * scaled - NV;
  const auto E2 = adjoint - NtU - at::matmul(V, at::matmul(E1.t(), U));
  return std::make_shared<CorrectedOperator>(narrow.A, at::cat({E1, U}, 1), at::cat({V, E2}, 1),
                                             at::cat({NtU * scaled - NtNV, NtU}, 1));
}

}  // namespace

OnSpace on_space(const LinearOperator& A, const at::Tensor& columns, const SvdBounds& found, const Narrowed& narrow) {
  SvdResult result;
  auto& report = result.report;
  const auto V = std::get<0>(at::linalg_qr(columns.to(A.options())));  // orthonormal in A's precision
  at::Tensor Y, Z;
  {
    const Stopwatch watch(report.seconds.products);
    const auto before = A.count();
    std::tie(Y, Z) = A.apply_gram(V);
    count_into(report, A, before);
  }
  const Stopwatch watch(report.seconds.basis);
  const auto ritz = rayleigh_ritz(std::move(Y));
  const auto S = to_tensor(ritz.S, A.options());
  result = {ritz.U, S, ritz.turn(V), std::move(report)};
  const auto left_over = ritz.turn(Z) - result.V * S.square();
  auto r = to_doubles(at::linalg_vector_norm(left_over, 2, {{0}}, false, at::kDouble).to(at::kCPU));
  auto theta = to_doubles(S.to(at::kCPU, at::kDouble));
  result.report.residuals = at::zeros({S.size(0)}, at::kDouble);
  double total = 0;
  const auto squared = A.frobenius_squared();
  const double blurred = kBlurredRelation * A.eps() * theta[0] * theta[0];  // what rounding may have taken from each r
  const double most = squared ? std::sqrt(*squared) : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < theta.size(); ++i) {
    // ‖Aᵀû − σ̂v̂‖ = ‖AᵀAv̂ − σ̂²v̂‖/σ̂; it is at most ‖A‖₂, whatever û is where σ̂ is zero.
    result.report.residuals[static_cast<int64_t>(i)] =
        theta[i] > 0 ? std::min((r[i] + blurred) / theta[i], most) : most;
    theta[i] *= theta[i];
    total += theta[i];
  }
  const double rounding = (8.0 + static_cast<double>(theta.size())) * A.eps();  // of the norm, and of each value
  const double rest =
      squared ? std::max(*squared - total, 0.0) + rounding * *squared : std::numeric_limits<double>::infinity();
  if (found.kind != BoundKind::none)
    result.report.bounds = svd_bounds(theta, r, moved(found, narrow.scale, narrow.distance, rest), A.eps());
  return {std::move(result), left_over};
}

void count_into(SvdReport& report, const LinearOperator& A, const ProductCount& before) {
  report.products += A.count().forward + A.count().adjoint - before.forward - before.adjoint;
  report.reads += A.count().reads - before.reads;
}

double enough_residual(const Narrowed& narrow) {
  const auto m = static_cast<double>(narrow.A->rows()), n = static_cast<double>(narrow.A->cols());
  return 0.25 * narrow.distance * narrow.scale * std::sqrt(1 / m + 1 / n);
}

int64_t refine(const LinearOperator& A, int64_t k, InnerOptions options, const Narrowed& narrow, const SvdBounds& found,
               int64_t left, OnSpace& seen) {
  constexpr int64_t kAround = 2;        // passes: one of N for the correction, one of A
  options.start = SvdStart::automatic;  // there is a guess from here on
  int64_t rounds = 0;
  for (; left > kAround; ++rounds) {
    SvdReport costs;
    std::shared_ptr<const LinearOperator> better;
    {
      const Stopwatch watch(costs.seconds.products);
      const auto before = narrow.A->count();
      better = corrected(narrow, seen);
      count_into(costs, *narrow.A, before);
    }
    if (!better) break;
    options.warm_start = seen.result.V;
    options.passes = left - kAround;
    options.enough /= 10;
    const auto again = solved(*better, k, options);
    add_costs(costs, seen.result.report);
    add_costs(costs, again.report);
    seen = on_space(A, again.V, found, narrow);
    add_costs(seen.result.report, costs);
    left -= again.report.reads + kAround;
  }
  return rounds;
}

void add_costs(SvdReport& report, const SvdReport& more) {
  report.products += more.products;
  report.reads += more.reads;
  report.restarts += more.restarts;
  report.seconds += more.seconds;
}

}  // namespace fanion::linalg
