#include "fanion/norms/prox_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/registry.h"
#include "fanion/norms/spectral.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

const TripletOptions kExactTriplets{.method = linalg::SvdMethod::dense};

at::Tensor step_of(const RulePtr& rule, const at::Tensor& M) { return to_dense(rule->direction(M), M); }

/// −(2/λ)·U diag([σ − τ]_+) Vᵀ with τ by bisection: Σd = τ for `squares`; else (‖M‖†/λ)·lmo(M) of (‖·‖_F + ‖·‖_nuc)/2,
/// whose dual norm is 2τ with Σd² = τ².
at::Tensor f_star_step(const at::Tensor& M, bool squares, double lambda) {
  const auto [U, S, V] = exact_svd(M);
  double low = 0, high = S[0].item<double>();
  const auto cut = [&](double tau) { return (S - tau).clamp_min(0); };
  for (int i = 0; i < 200; ++i) {
    const double tau = (low + high) / 2;
    const double size = squares ? cut(tau).sum().item<double>() : cut(tau).norm().item<double>();
    (size > tau ? low : high) = tau;
  }
  const auto d = cut(low);
  const auto direction = at::matmul(U * d, V.t());
  if (squares) return direction * (-2 / lambda);
  const double norm = (d.sum().item<double>() + d.norm().item<double>()) / 2;
  return direction * (-2 * low / lambda / norm);
}

TEST(ProxStep, IsTheFormula) {
  for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{8, 6}, {6, 8}, {1, 5}, {5, 1}})
    for (const double lambda : {1.0, 0.25}) {
      const auto M = random_normal(m, n, 6100 + m);
      const auto top = exact_svd(M);
      const auto first = at::matmul(top.U.narrow(1, 0, 1) * top.S[0], top.V.narrow(1, 0, 1).t());
      const double nuclear = top.S.sum().item<double>();
      EXPECT_LE(relative_error(step_of(sgd(lambda), M), M / -lambda), 1e-15);
      EXPECT_LE(relative_error(step_of(kernel_neon(lambda, kExactTriplets), M), first / -lambda), 1e-12);
      EXPECT_LE(
          relative_error(step_of(f_star_neon(FStarForm::rms, lambda, kExactTriplets), M), f_star_step(M, true, lambda)),
          1e-12);
      EXPECT_LE(relative_error(step_of(f_star_neon(FStarForm::sum, lambda, kExactTriplets), M),
                               f_star_step(M, false, lambda)),
                1e-12);
      EXPECT_LE(relative_error(step_of(prox_step(spectral(), lambda, "x"), M),
                               at::matmul(top.U, top.V.t()) * (-nuclear / lambda)),
                1e-12);
      EXPECT_LE(relative_error(step_of(prox_step(max_entry(), lambda, "x"), M), M.sign() * (M.abs().sum() / -lambda)),
                1e-14);
    }
}

TEST(ProxStep, GrowsWithTheMatrixAndIsZeroAtZero) {
  const auto M = random_normal(6, 4, 6201);
  for (const std::string text :
       {"sgd:lambd=2", "kernel-neon:svd=dense", "f-star-neon:svd=dense", "f-star-neon:form=sum,svd=dense"}) {
    const auto rule = rule_from_name(text);
    EXPECT_EQ(rule_from_name(rule->name())->name(), rule->name());
    EXPECT_LE(relative_error(step_of(rule, M * 3), step_of(rule, M) * 3), 1e-13) << text;
    EXPECT_EQ(frobenius_norm(step_of(rule, at::zeros({5, 3}))), 0) << text;
    for (const double scale : {1e-30, 1e30})
      EXPECT_LE(relative_error(step_of(rule, (M * scale).to(at::kFloat)), step_of(rule, M) * scale), 1e-5) << text;
  }
}

TEST(ProxStep, ABatchIsItsMatrices) {
  const auto M = at::stack({random_normal(6, 4, 6301), 100 * random_normal(6, 4, 6302)});
  for (const std::string text : {"sgd", "kernel-neon:svd=dense", "f-star-neon:svd=dense"}) {
    const auto rule = rule_from_name(text);
    const auto D = to_dense(rule->batch_direction(M, nullptr), M);
    for (int64_t i = 0; i < 2; ++i) EXPECT_LE(relative_error(D[i], step_of(rule, M[i])), 1e-12) << text;
  }
}

TEST(ProxStep, ErrorsNameLambda) {
  EXPECT_VALUE_ERROR(rule_from_name("sgd:lambd=0"), "lambd = 0 must be finite and positive");
  EXPECT_VALUE_ERROR(rule_from_name("kernel-neon:lambd=-1"), "lambd = -1 must be finite and positive");
  EXPECT_VALUE_ERROR(rule_from_name("f-star-neon:form=max"), "unknown F* form 'max'; choose one of: rms, sum");
}

/// Near the ends of the range: lengths that leave it become the largest number, so that a rate of 0 stays one.
TEST(ProxStep, GradientsNearTheEndsOfTheRange) {
  const auto M = random_normal(9, 6, 6150).to(at::kFloat);
  const auto largest = M.abs().max();
  for (const auto& rule : {kernel_neon(1, kExactTriplets), f_star_neon(FStarForm::rms, 1, kExactTriplets)}) {
    const auto D = step_of(rule, M);
    for (const double scale : {0x1p-120, 0x1p-70, 0x1p+70, 0x1p+120})
      EXPECT_LE(relative_error(step_of(rule, M * scale) / scale, D.to(at::kDouble)), 1e-5) << rule->name() << scale;
    EXPECT_TRUE(step_of(rule, M / largest * 3e38).isfinite().all().item<bool>()) << rule->name();
  }
}

}  // namespace
}  // namespace fanion::norms
