// Every norm × the zoo: the dual gap of the LMO, its primal norm, value and dual against the oracle, and the axioms.

#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "fanion/norms/weighted_sum.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// The rank test drops σ_i ≤ max(m, n)·eps·σ₁ from a direction, and sums of that many terms round alike; 4 is slack.
double gap_tolerance(const at::Tensor& M) {
  return 4 * static_cast<double>(std::max(M.size(0), M.size(1))) * working_eps(M.scalar_type());
}

class Certificate : public ::testing::TestWithParam<Specimen> {
 protected:
  const at::Tensor& M() const { return GetParam().A; }
  std::vector<NormCase> cases() const { return norm_cases(M().size(0), M().size(1)); }
  double tol() const { return gap_tolerance(M()); }
  /// A random matrix of the specimen's shape, dtype and size of entries.
  at::Tensor other(uint64_t seed) const {
    const double size = std::max(largest_entry(M()), 1e-30);
    return (random_normal(M().size(0), M().size(1), seed) * size).to(M().scalar_type());
  }
};

TEST_P(Certificate, LmoReachesTheDualNorm) {
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto D = to_dense(c.norm->lmo(M()), working_matrix(M()));
    const double dual = c.dual(M());
    EXPECT_NEAR(-frobenius_inner(M(), D), dual, (tol() + c.solver_tol) * dual);
  }
}

/// D = Σ w_i D_i with every ‖D_i‖_i ≤ 1 shows that D is in the ball of the sum, without the sum's gauge.
void expect_in_ball_by_parts(const MatrixNorm& norm, const at::Tensor& M, const at::Tensor& D, double tol) {
  const auto& sum = dynamic_cast<const SumOfRules&>(norm);
  auto total = at::zeros_like(D);
  for (const auto& [weight, rule] : sum.parts()) {
    const auto part = to_dense(rule->direction(M), D);
    EXPECT_LE(dynamic_cast<const MatrixNorm&>(*rule).value(part).item<double>(), 1 + tol) << rule->name();
    total += weight * part;
  }
  EXPECT_LE(frobenius_norm(total - D), tol * frobenius_norm(D));
}

TEST_P(Certificate, LmoStaysInTheUnitBall) {
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.name);
    if (!c.has_value) {
      expect_in_ball_by_parts(*c.norm, M(), to_dense(c.norm->lmo(M()), working_matrix(M())), tol());
      continue;
    }
    const auto D = to_dense(c.norm->lmo(M()), working_matrix(M()));
    const double size = norm_of(c, D);
    const double tolerance = tol() + c.value_tol;
    EXPECT_LE(size, 1 + tolerance);
    if (c.dual(M()) == 0) {
      EXPECT_EQ(frobenius_norm(D), 0) << "zero has no direction";
    } else {
      EXPECT_GE(size, 1 - tolerance) << "a linear function has its minimum on the sphere";
    }
  }
}

TEST_P(Certificate, ValueAndDualAgreeWithTheFormulas) {
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto dual = c.norm->dual(M());
    EXPECT_EQ(dual.dim(), 0);
    EXPECT_EQ(dual.scalar_type(), M().scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
    EXPECT_NEAR(dual.item<double>(), c.dual(M()), tol() * c.dual(M()));
    if (!c.value) continue;
    EXPECT_NEAR(c.norm->value(M()).item<double>(), c.value(M()), tol() * c.value(M()));
    EXPECT_EQ(c.norm->value(M()).scalar_type(), dual.scalar_type());
  }
}

TEST_P(Certificate, BothAreNorms) {
  const auto B = other(61), sum = M().to(at::kDouble) + B.to(at::kDouble);
  const auto M_working = working_matrix(M());
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.name);
    const auto check = [&](const std::function<double(const at::Tensor&)>& norm, double tolerance) {
      EXPECT_EQ(norm(at::zeros_like(M())), 0);
      const double a = norm(M()), b = norm(B);
      EXPECT_NEAR(norm(-3 * M_working), 3 * a, tolerance * 3 * a);
      EXPECT_LE(norm(sum), (a + b) * (1 + tolerance));
      EXPECT_GE(norm(sum), std::abs(a - b) * (1 - tolerance) - tolerance * (a + b));
      EXPECT_GT(b, 0);
    };
    check([&](const at::Tensor& X) { return c.norm->dual(X).item<double>(); }, tol());
    if (c.has_value) check([&](const at::Tensor& X) { return c.norm->value(X).item<double>(); }, tol() + c.value_tol);
  }
}

TEST_P(Certificate, HoelderAndRhoBoundHold) {
  const auto B = other(62);
  for (const auto& c : cases()) {
    SCOPED_TRACE(c.name);
    const double dual = c.norm->dual(M()).item<double>();
    EXPECT_LE(dual, c.norm->rho(M().size(0), M().size(1)) * frobenius_norm(M()) * (1 + tol()));
    if (!c.has_value) continue;
    for (const auto& X : {B, M()})
      EXPECT_LE(std::abs(frobenius_inner(M(), X)), dual * c.norm->value(X).item<double>() * (1 + tol()));
  }
}

TEST_P(Certificate, ProxMinimises) {
  const double lambda = 0.7;
  for (const auto& c : cases()) {
    if (!c.value) continue;
    SCOPED_TRACE(c.name);
    const auto X = c.norm->prox(M(), lambda).to(at::kDouble);
    const auto objective = [&](const at::Tensor& Z) {
      return frobenius_inner(M(), Z) + lambda / 2 * std::pow(c.value(Z), 2);
    };
    const double least = objective(X), dual = c.dual(M()), scale = dual * dual / lambda;
    EXPECT_NEAR(least, -scale / 2, 3 * (tol() + c.solver_tol) * scale) << "the minimum is -|M|*^2/(2 lambda)";
    for (const double size : {1e-3, 0.1, 1.0}) {
      const auto Z = X + random_normal(M().size(0), M().size(1), 63) * (size * std::max(largest_entry(X), 1e-30));
      EXPECT_GE(objective(Z), least - 3 * (tol() + c.solver_tol) * scale) << size;
    }
  }
}

std::string specimen_name(const ::testing::TestParamInfo<Specimen>& specimen) { return specimen.param.name; }

/// Of few enough entries that every case has a value.
std::vector<Specimen> small_matrices() {
  return {{"random_6_5_float64", random_normal(6, 5, 64)},
          {"equal_4_6_float64", random_orthonormal(4, 6, 65)},
          {"rank_2_5_7_float32", with_spectrum(5, 7, {2, 1}, 66).to(at::kFloat)}};
}

INSTANTIATE_TEST_SUITE_P(Zoo, Certificate, ::testing::ValuesIn(whole_zoo()), specimen_name);
INSTANTIATE_TEST_SUITE_P(Small, Certificate, ::testing::ValuesIn(small_matrices()), specimen_name);

}  // namespace
}  // namespace fanion::norms
