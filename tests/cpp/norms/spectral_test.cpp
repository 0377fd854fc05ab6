#include "fanion/norms/spectral.h"

#include <ATen/ops/empty.h>

#include "certificates.h"
#include "fanion/linalg/polar/newton_schulz_choice.h"
#include "fanion/norms/registry.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

constexpr Coefficients kNewtonSchulz = {3.4445, -4.7750, 2.0315};

TEST(Spectral, NewtonSchulzGapIsThatOfItsQuintic) {
  const auto norm = spectral(linalg::NewtonSchulzOptions{});
  for (const auto& [name, A] : whole_zoo()) {
    SCOPED_TRACE(name);
    const auto D = to_dense(norm->lmo(A), working_matrix(A));
    double reached = 0;
    const double size = std::max(frobenius_norm(A), 1e-300);
    for (const double s : exact_singular_values(A)) reached += s * quintic_chain(s / size, kNewtonSchulz, 5);
    // Rounding at zero is amplified by the slope 3.4445^5 = 485, on every one of Σσ.
    const double tol = 2 * 485 * working_eps(A.scalar_type());
    EXPECT_NEAR(-frobenius_inner(A, D), reached, tol * norm->dual(A).item<double>());
    EXPECT_LE(exact_singular_values(D)[0], 1.21 + tol) << "the bound of linalg::newton_schulz";
  }
}

TEST(Spectral, NewtonSchulzLmoIsWithinItsBoundsOnAWellConditionedMatrix) {
  const auto norm = spectral(linalg::NewtonSchulzOptions{});
  const auto A = with_spectrum(40, 30, geometric(30, 0.9), 64);  // all above 1.6e-3·‖A‖_F
  const double ratio = -frobenius_inner(A, to_dense(norm->lmo(A), A)) / norm->dual(A).item<double>();
  EXPECT_GE(ratio, 0.68);
  EXPECT_LE(ratio, 1.21);
}

TEST(Spectral, NewtonSchulzThatConvergesIsTheExactPolarFactor) {
  const auto& set = linalg::coefficient_set("cubic-damped");
  const auto norm = spectral(linalg::NewtonSchulzOptions{.coefficients = set.coefficients, .steps = set.steps});
  const auto A = with_spectrum(30, 40, geometric(30, 0.9), 65);
  // Singular values above 1e-2·‖A‖_F come out within 1e-10 of 1 after twelve steps.
  EXPECT_LE(relative_error(to_dense(norm->lmo(A), A), to_dense(spectral()->lmo(A), A)), 1e-9);
}

TEST(Spectral, RulesTellHowNewtonSchulzRuns) {
  const auto M = at::empty({768, 3072}, at::kFloat);
  for (const auto* text : {"muon", "f-muon", "s-muon", "rms_to_rms:polar=newton_schulz", "0.5*nsgd + 0.5*muon",
                           "d-fanion:k=2,residual=newton_schulz"}) {
    const auto choice = rule_from_name(text)->newton_schulz_choice(M);
    ASSERT_TRUE(choice) << text;
    const auto expected = linalg::chosen_newton_schulz(M, *choice);
    EXPECT_EQ(choice->dtype, expected.dtype) << text;
    EXPECT_EQ(choice->form, expected.form) << text;
    EXPECT_NE(choice->form, linalg::NewtonSchulzForm::automatic) << text;
  }
  EXPECT_EQ(rule_from_name("muon:ns_dtype=float16,ns_form=gram")->newton_schulz_choice(M)->dtype, at::kHalf);
  for (const auto* text : {"neon", "spectral", "d-fanion:k=2", "0*muon + 1*nsgd"})
    EXPECT_FALSE(rule_from_name(text)->newton_schulz_choice(M)) << text;
}

}  // namespace
}  // namespace fanion::norms
