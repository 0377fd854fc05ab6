// Matrices near the ends of their dtype's range: norms and directions are those at size 1, times the scale.

#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/dtype_limits.h"
#include "fanion/linalg/newton_schulz.h"
#include "fanion/linalg/polar.h"
#include "fanion/norms/registry.h"
#include "fanion/power_of_two.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

struct Size {
  at::ScalarType dtype;
  int exponent;
};
/// 1e±160, 1e-170 and 1e-300 of float64, where squares leave the range; 1e±30, 1e-36 and numbers of float32 that have
/// lost bits already; and either end.
const std::vector<Size> kSizes = {{at::kDouble, 531},  {at::kDouble, -531},   {at::kDouble, -565},
                                  {at::kDouble, -997}, {at::kDouble, 1020},   {at::kFloat, 100},
                                  {at::kFloat, -100},  {at::kFloat, -120},    {at::kFloat, -137},
                                  {at::kFloat, 124},   {at::kBFloat16, -120}, {at::kBFloat16, 124}};

/// A matrix of that size, with entries up to nearly 2^4 times it, and the same in float64 at size 1.
struct Pair {
  at::Tensor X, same;
};
Pair pair_of(int64_t m, int64_t n, uint64_t seed, const Size& size) {
  const auto normal = random_normal(m, n, seed);
  const auto X = times_power_of_two(normal * (15.2 / normal.abs().max().item<double>()), size.exponent).to(size.dtype);
  return {X, times_power_of_two(X.to(at::kDouble), -size.exponent)};
}

/// x·2^−exponent, or infinity where x is.
double at_size_one(const at::Tensor& x, int exponent) {
  return std::ldexp(x.to(at::kDouble).item<double>(), -exponent);
}

double tolerance(const Size& size) { return size.dtype == at::kDouble ? 1e-12 : 1e-5; }

/// `found` at size 1 is `expected`, or infinite where that lies beyond the dtype.
void expect_number(const at::Tensor& found, double expected, const Size& size, double tol) {
  const double most = std::ldexp(largest_number(size.dtype), -size.exponent);
  if (expected > most * (1 + tol)) {
    EXPECT_TRUE(std::isinf(found.item<double>())) << expected;
  } else if (expected < most * (1 - tol)) {
    EXPECT_NEAR(at_size_one(found, size.exponent), expected, tol * expected);
  }
}

TEST(Scale, NormsAreThoseAtSizeOne) {
  for (const auto& size : kSizes)
    for (const auto& c : norm_cases(6, 5)) {
      SCOPED_TRACE(c10::str(c.name, " ", size.dtype, " 2^", size.exponent));
      const auto [X, same] = pair_of(6, 5, 901, size);
      const double tol = tolerance(size) + 10 * c.solver_tol, dual = c.dual(same);
      // What has lost bits of its smaller entries, and is below the smallest normal number itself.
      const double rounding = size.exponent == -137 ? 1e-3 : 0;
      expect_number(c.norm->dual(X), dual, size, tol + rounding);
      if (c.has_value) {
        expect_number(c.norm->value(X), norm_of(c, same), size, tol + rounding + 2 * c.value_tol);
      }
      const auto D = c.norm->minimiser(X);
      EXPECT_NEAR(-frobenius_inner(same, D) / dual, 1, tol);
      if (c.has_exact_value()) {
        EXPECT_LE(norm_of(c, D), 1 + tol + c.value_tol);
      }
      const auto prox = c.norm->prox(X, std::ldexp(0.5, size.exponent));
      EXPECT_LE(relative_error(prox, D.to(at::kDouble) * (2 * dual)), 10 * tol);
    }
}

TEST(Scale, ProjectionsOfHugeMatricesAreExtremeAndTinyOnesStay) {
  for (const auto& size : kSizes)
    for (const auto& c : norm_cases(6, 5)) {
      if (!c.has_projection) continue;
      SCOPED_TRACE(c10::str(c.name, " ", size.dtype, " 2^", size.exponent));
      const auto [X, same] = pair_of(6, 5, 902, size);
      if (size.exponent < 0) {
        EXPECT_EQ(relative_error(c.norm->project(X), X.to(at::kDouble)), 0);
      } else {
        // So far out, the nearest point of the ball is the one that goes furthest along X.
        const auto P = c.norm->project(X);
        EXPECT_NEAR(frobenius_inner(same, P) / c.dual(same), 1, tolerance(size));
        EXPECT_LE(norm_of(c, P), 1 + tolerance(size) + c.value_tol);
      }
    }
}

/// Training's own path, without the doors of a norm, for every rule of the registry and every solver; 90 × 70 is beyond
/// what small matrices' kernels take.
TEST(Scale, DirectionsAreThoseAtSizeOne) {
  std::vector<std::string> rules = {"spectral",
                                    "rms_to_rms",
                                    "nuclear",
                                    "ky_fan_dual:k=2",
                                    "ky_fan:k=2",
                                    "schatten:p=3",
                                    "schatten:p=1.2",
                                    "max_entry",
                                    "entry_sum",
                                    "row_norm",
                                    "col_norm",
                                    "f_star_rms",
                                    "f_star_sum",
                                    "nsgd",
                                    "signum",
                                    "muon",
                                    "muon:ns_form=gram",
                                    "muon:ns_dtype=bfloat16",
                                    "neon",
                                    "fanion:k=3",
                                    "f-muon",
                                    "f-neon",
                                    "f-fanion:k=3",
                                    "s-muon",
                                    "s-fanion:k=3",
                                    "1.1*muon + -0.1*nsgd"};
  for (const std::string map : {"sign", "row_norm", "col_norm", "frobenius", "clip"})
    for (const int k : {0, 2}) rules.push_back(c10::str("d-fanion:k=", k, ",residual=", map));
  for (const std::string svd : {"auto", "dense", "lanczos", "block_krylov", "subspace", "randomized", "power"})
    rules.push_back("neon:svd=" + svd);
  for (const auto& size : kSizes)
    for (const auto& [m, n] : {std::pair{9, 6}, {90, 70}}) {
      const auto [X, same] = pair_of(m, n, 903, size);
      const auto wide = size.dtype == at::kDouble ? at::kDouble : at::kFloat;
      for (const auto& text : rules) {
        SCOPED_TRACE(c10::str(text, " ", m, " x ", n, " ", size.dtype, " 2^", size.exponent));
        const auto rule = rule_from_name(text);
        const auto like = at::zeros({m, n}, wide);
        // Lanczos stops at 1e-5, and a bfloat16 operand rounds alike at every size.
        const double tol = text.find("lanczos") == std::string::npos && text.find("krylov") == std::string::npos &&
                                   text.find("auto") == std::string::npos
                               ? 10 * tolerance(size)
                               : 1e-3;
        const auto D = to_dense(rule->direction(X), like),
                   expected = to_dense(rule->direction(same.to(size.dtype)), like);
        EXPECT_LE(relative_error(D, expected), tol);
      }
    }
}

TEST(Scale, OneRowOfAMatrixMayBeTinyBesideAnother) {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    auto X = random_normal(4, 6, 904).to(dtype);
    X[1] *= dtype == at::kDouble ? 1e-200 : 1e-39;
    X[2] *= dtype == at::kDouble ? 1e200 : 1e37;
    X[3].zero_();
    for (const auto& [norm, M] : {std::pair{norm_from_name("row_norm"), X}, {norm_from_name("col_norm"), X.t()}}) {
      const auto D = norm->minimiser(M), rows = norm->name() == "row_norm" ? D : D.t();
      for (int64_t i = 0; i < 3; ++i) EXPECT_NEAR(frobenius_norm(rows[i]), 1, 1e-4) << dtype << " " << i;
      EXPECT_EQ(frobenius_norm(rows[3]), 0);
    }
  }
}

TEST(Scale, PolarFactorsAreThoseAtSizeOne) {
  for (const auto& size : kSizes) {
    SCOPED_TRACE(c10::str(size.dtype, " 2^", size.exponent));
    const auto [X, same] = pair_of(7, 5, 905, size);
    const auto wide = size.dtype == at::kDouble ? at::kDouble : at::kFloat;
    EXPECT_LE(relative_error(linalg::polar(X), linalg::polar(same)), 100 * tolerance(size));
    for (const auto form : {linalg::NewtonSchulzForm::direct, linalg::NewtonSchulzForm::gram})
      EXPECT_LE(relative_error(linalg::newton_schulz(X, {.form = form}),
                               linalg::newton_schulz(same.to(wide), {.form = form})),
                tolerance(size));
  }
}

/// torch's eps is a length: below it, Muon's step is as much shorter as the matrix is.
TEST(Scale, EpsOfNewtonSchulzIsALength) {
  const auto M = random_normal(6, 5, 906);
  for (const double size : {1e-12, 1e-170, 1e-300}) {
    const auto shrunk = linalg::newton_schulz(M * size, {.steps = 1, .eps = 1e-7});
    // One step of 3.4445·x for tiny x.
    EXPECT_LE(relative_error(shrunk / size, M * (3.4445 / 1e-7)), 1e-8) << size;
  }
}

}  // namespace
}  // namespace fanion::norms
