// Matrices that published tests use because solvers fail on them, each from its formula, at k = 4 in float64.

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/diag.h>
#include <ATen/ops/exp2.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "fanion/linalg/topk_svd.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr int64_t kCount = 4;
constexpr double kMu = 1e-8;

/// A row of ones over µI, (n + 1) × n: σ₁ = √(n + µ²), all others µ; AᵀA rounds to rank one where µ² < eps.
/// Läuchli 1961; SLEPc's src/svd/tutorials/ex15.c and slepc4py's ex4.py; PRIMME's Python tests have a variant of it.
at::Tensor lauchli() { return at::cat({at::ones({1, 100}, at::kDouble), kMu * at::eye(100, at::kDouble)}); }

/// diag(1, s, s², …) times the unit upper triangle with −c above: σ_{n−1} looks nothing like the last entry.
/// Kahan 1966; MATLAB's gallery('kahan'), with the same θ = 1.2.
at::Tensor kahan() {
  const double s = std::sin(1.2), c = std::cos(1.2);
  auto A = at::zeros({90, 90}, at::kDouble);
  for (int64_t i = 0; i < 90; ++i)
    for (int64_t j = i; j < 90; ++j) A[i][j] = std::pow(s, i) * (i == j ? 1.0 : -c);
  return A;
}

/// 1/(i + j + 1): singular values fall below eps·σ₁ from the 13th on (Beckermann & Townsend 2017).
at::Tensor hilbert() {
  const auto i = at::arange(100, at::kDouble);
  return 1 / (i.unsqueeze(1) + i.unsqueeze(0) + 1);
}

/// σᵢ = 1 − 1e-8·i over a tail at 1/2: distinct values, but only just.
at::Tensor near_multiple() {
  std::vector<double> sigma;
  for (int i = 0; i < 80; ++i) sigma.push_back(i < 10 ? 1 - 1e-8 * i : 0.5 - 1e-3 * i);
  return with_spectrum(110, 90, sigma, 61);
}

/// Graded over 12 decades, and upside down: large rows last, where Householder QR without pivoting may lose the small.
at::Tensor graded() { return with_spectrum(100, 80, geometric(80, std::pow(10.0, -12.0 / 79)), 62); }
at::Tensor graded_rows() {
  const auto rows = at::arange(90, at::kDouble);
  return random_normal(90, 70, 63) * at::exp2(rows / 2).unsqueeze(1) * 1e-10;
}

/// σ_k = σ_{k+1}: there is no single best rank-k approximation.
at::Tensor tied() {
  auto sigma = geometric(60, 0.9);
  sigma[kCount] = sigma[kCount - 1];
  return with_spectrum(70, 60, sigma, 64);
}

/// The second difference in one dimension, −1 2 −1: values crowd at the top end, at distances of 1e-3 and less.
at::Tensor laplacian() {
  const auto off = at::diag(at::ones({119}, at::kDouble), 1);
  return 2 * at::eye(120, at::kDouble) - off - off.t();
}

struct HardCase {
  std::string name;
  at::Tensor A;
  /// Whether 200 passes of the power methods reach the residual 1e-6 and 1e-10.
  bool power_to_1e6, power_to_1e10;
  /// Whether the rank-k error can be told to be below 1e-6: not without a gap.
  bool rank_k;
};
std::ostream& operator<<(std::ostream& out, const HardCase& each) { return out << each.name; }

const std::vector<HardCase>& hard_cases() {
  static const std::vector<HardCase> all = {
      {"lauchli", lauchli(), true, true, true}, {"kahan", kahan(), true, true, true},
      {"hilbert", hilbert(), true, true, true}, {"near_multiple", near_multiple(), true, false, true},
      {"graded", graded(), true, true, true},   {"graded_rows", graded_rows(), true, true, true},
      {"tied", tied(), true, true, false},      {"laplacian", laplacian(), false, false, true},
  };
  return all;
}

class SvdHardCases : public ::testing::TestWithParam<HardCase> {};

TEST_P(SvdHardCases, ResidualsAreReachedWhereTheTableSaysSo) {
  const auto& hard = GetParam();
  const Judged A(hard.A);
  for (const double tol : {1e-6, 1e-10}) {
    for (const auto method :
         {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace, SvdMethod::randomized}) {
      SCOPED_TRACE(c10::str(name_of(method), " to ", tol));
      const bool power = method == SvdMethod::subspace || method == SvdMethod::randomized;
      SvdOptions options{.method = method, .criterion = SvdCriterion::residual, .tol = tol};
      if (power) options.passes = 200;
      const auto svd = topk_svd(hard.A, kCount, options);
      for (const auto& what : broken_promises(A, svd, tol)) ADD_FAILURE() << what;
      const bool reached = !power || (tol == 1e-6 ? hard.power_to_1e6 : hard.power_to_1e10);
      EXPECT_EQ(svd.report.status == SvdStatus::converged, reached) << svd.report.message;
    }
  }
}

TEST_P(SvdHardCases, RankKErrorsAreToldWhereTheTableSaysSo) {
  const auto& hard = GetParam();
  const Judged A(hard.A);
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov}) {
    SCOPED_TRACE(name_of(method));
    const auto svd = topk_svd(hard.A, kCount, {.method = method, .tol = 1e-6});
    for (const auto& what : broken_promises(A, svd, 1e-6)) ADD_FAILURE() << what;
    EXPECT_EQ(svd.report.status == SvdStatus::converged, hard.rank_k) << svd.report.message;
  }
}

INSTANTIATE_TEST_SUITE_P(All, SvdHardCases, ::testing::ValuesIn(hard_cases()),
                         [](const auto& each) { return each.param.name; });

/// Values of 1e-8·σ₁ come out to eps·σ₁, which the eigenvalues of AᵀA, with µ² = 1e-16, could not give.
TEST(SvdHardCases, LauchlisSmallValuesAreNotLost) {
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov}) {
    const auto svd = topk_svd(lauchli(), 3, {.method = method, .criterion = SvdCriterion::residual, .tol = 1e-13});
    EXPECT_NEAR(svd.S[0].item<double>(), 10, 1e-13);
    for (const int64_t i : {1, 2}) EXPECT_NEAR(svd.S[i].item<double>(), kMu, 1e-14) << name_of(method);
  }
}

/// Copies of a value are found one by one, even by a method of one vector.
TEST(SvdHardCases, NearlyMultipleValuesAreAllFound) {
  const auto A = near_multiple();
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov}) {
    const auto svd = topk_svd(A, 8, {.method = method, .criterion = SvdCriterion::residual, .tol = 1e-11});
    for (int i = 0; i < 8; ++i) EXPECT_NEAR(svd.S[i].item<double>(), 1 - 1e-8 * i, 1e-10) << name_of(method);
  }
}

}  // namespace
}  // namespace fanion::linalg
