#include "fanion/linalg/polar.h"

#include <ATen/ops/full.h>
#include <ATen/ops/linalg_eigvalsh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <limits>
#include <random>

#include "certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

double default_tol(at::ScalarType dtype) { return dtype == at::kDouble ? 1e-13 : 1e-6; }

/// What the header promises of Q, all of it computed in float64.
void expect_polar_factor(const at::Tensor& M, const PolarResult& result, double tol) {
  const double eps = working_eps(M.scalar_type());
  const auto A = M.to(at::kDouble), Q = result.Q.to(at::kDouble);
  ASSERT_EQ(Q.sizes(), A.sizes());
  EXPECT_EQ(result.Q.scalar_type(), M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
  EXPECT_EQ(result.report.status, PolarStatus::converged) << result.report.message;
  if (tol == default_tol(M.scalar_type())) {
    EXPECT_EQ(result.report.iterations, M.scalar_type() == at::kDouble ? 5 : 4);
    EXPECT_EQ(result.report.qr_iterations, 2);
  }
  const auto k = static_cast<double>(std::min(A.size(0), A.size(1)));

  const auto sigma = exact_singular_values(A), tau = exact_singular_values(Q);
  const double size = frobenius_norm(A);
  int64_t rank = 0;
  for (std::size_t i = 0; i < sigma.size(); ++i) {
    const double distance = std::min(std::abs(tau[i]), std::abs(tau[i] - 1));
    EXPECT_LE(distance, 10 * eps * k) << "singular value " << i << " is neither 0 nor 1";
    rank += tau[i] > 0.5;
  }
  EXPECT_EQ(result.report.rank.item<int64_t>(), rank);
  EXPECT_LE(result.report.isometry_error, 10 * eps * k);
  // A factor of 2 for what rounding moves at either end.
  const auto at_least = std::count_if(sigma.begin(), sigma.end(), [&](double s) { return s >= 2 * tol * size; });
  const auto above_zero = std::count_if(sigma.begin(), sigma.end(), [&](double s) { return s > tol * size / 200; });
  EXPECT_GE(rank, size == 0 ? 0 : at_least);
  EXPECT_LE(rank, above_zero);

  const bool wide = A.size(0) < A.size(1);
  const auto H = wide ? at::matmul(A, Q.t()) : at::matmul(Q.t(), A);
  const auto symmetric = (H + H.t()) / 2;
  const double backward = 20 * eps * std::sqrt(k) * size;
  EXPECT_LE(frobenius_norm(H - H.t()), backward);
  EXPECT_GE(at::linalg_eigvalsh(symmetric).min().item<double>(), -backward);
  EXPECT_LE(frobenius_norm(A - (wide ? at::matmul(symmetric, Q) : at::matmul(Q, symmetric))),
            backward + (rank < at_least ? 0 : tol * size * std::sqrt(k)));

  if (rank == 0 || (rank < static_cast<int64_t>(sigma.size()) && sigma[rank] > 1e-3 * sigma[rank - 1])) return;
  // As well determined as the problem is.
  EXPECT_LE(frobenius_norm(Q - flattened_top(A, rank)), 50 * eps * std::sqrt(k) * size / sigma[rank - 1]);
}

TEST(Polar, CertificatesHoldOverTheZoo) {
  for (const auto& [name, A] : whole_zoo()) {
    SCOPED_TRACE(name);
    expect_polar_factor(A, polar_with_report(A), default_tol(A.scalar_type()));
  }
}

TEST(Polar, FullRankIsOrthogonalAndAgreesWithTheSvd) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const auto& [m, n] : {std::pair{40, 40}, std::pair{60, 25}, std::pair{25, 60}, std::pair{1, 7}}) {
      const auto k = std::min(m, n);
      const auto A = with_spectrum(m, n, geometric(k, std::pow(1e-3, 1.0 / k)), 81).to(dtype);  // σ₁/σ_k < 1000
      const auto [Q, report] = polar_with_report(A);
      EXPECT_LE(orthonormality_error(m < n ? Q.t() : Q), 10 * working_eps(dtype));
      EXPECT_LE(relative_error(Q, flattened_top(A, k)), 1000 * 10 * working_eps(dtype));
      EXPECT_EQ(report.snaps, 0) << "nothing to separate at full rank";
      EXPECT_EQ(report.rank.item<int64_t>(), k);
    }
}

TEST(Polar, SingularValuesBelowTheToleranceAreZero) {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const double tol = default_tol(dtype);
    for (const double given : {0.0, 1e-5, 1e-3, 0.01, 0.1, 0.4}) {
      const double at = given == 0 ? tol : given;
      // ‖M‖_F is 1 up to a millionth of a percent; 1.1 and 0.9 leave room for rounding.
      for (const auto& [value, rank] : {std::pair{1.1 * at, 3}, std::pair{0.9 * at / 100, 2}}) {
        const auto A = with_spectrum(20, 12, {0.8, std::sqrt(1 - 0.64 - value * value), value}, 82).to(dtype);
        if (given == 0 && dtype == at::kFloat && rank == 2) continue;  // below what float32 entries hold: in the zoo
        const auto result = polar_with_report(A, {.tol = given});
        EXPECT_EQ(result.report.rank.item<int64_t>(), rank) << dtype << " tol " << at << " value " << value;
        EXPECT_EQ(result.report.status, PolarStatus::converged);
        EXPECT_LE(result.report.isometry_error, 10 * 12 * working_eps(dtype));
      }
    }
  }
}

TEST(Polar, RankDeficientIsThePartialIsometryOfItsRange) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const int rank : {1, 5, 19}) {
      const auto A = with_spectrum(30, 20, geometric(rank, 0.9), 83).to(dtype);
      const auto [Q, report] = polar_with_report(A);
      EXPECT_EQ(report.rank.item<int64_t>(), rank);
      EXPECT_GT(report.snaps, 0);
      EXPECT_LE(frobenius_norm(Q.to(at::kDouble) - flattened_top(A, rank)), 200 * working_eps(dtype));
    }
}

TEST(Polar, ZeroGivesZero) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto [Q, report] = polar_with_report(at::zeros({3, 4}, dtype));
    EXPECT_EQ(frobenius_norm(Q), 0) << dtype;
    EXPECT_EQ(report.rank.item<int64_t>(), 0);
    EXPECT_EQ(report.isometry_error, 0);
  }
}

TEST(Polar, ScaleDoesNotMatterUpToTheEndsOfTheRange) {
  const auto M = random_normal(20, 30, 84);
  const auto exact = polar(M), narrow = polar(M.to(at::kFloat));
  for (const double scale : {0x1p-900, 0x1p-100, 0x1p+100, 0x1p+900})
    EXPECT_LE(relative_error(polar(M * scale), exact), 1e-12) << scale;
  for (const double scale : {0x1p-110, 0x1p+120})
    EXPECT_LE(relative_error(polar((M * scale).to(at::kFloat)), narrow), 1e-4) << scale;
}

TEST(Polar, BatchEqualsItsSlices) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const auto& [m, n] : {std::pair{12, 20}, std::pair{20, 12}}) {
      const auto batch = at::stack({random_normal(m, n, 85), 1e-6 * random_normal(m, n, 86),
                                    at::zeros({m, n}, at::kDouble), with_spectrum(m, n, {3, 2, 1}, 87)})
                             .to(dtype);
      const auto [Q, report] = polar_with_report(batch);
      ASSERT_EQ(Q.sizes(), batch.sizes());
      for (int64_t i = 0; i < 4; ++i) {
        const auto alone = polar_with_report(batch[i]);
        EXPECT_LE(frobenius_norm(Q[i] - alone.Q), 2000 * working_eps(dtype)) << i;
        EXPECT_EQ(report.rank[i].item<int64_t>(), alone.report.rank.item<int64_t>()) << i;
      }
    }
}

TEST(Polar, RandomMatricesOfAnyShapeAndSpectrum) {
  std::mt19937 generator(88);
  std::uniform_int_distribution<int> side(1, 24);
  std::uniform_real_distribution<double> exponent(-8, 0), scale(-20, 20);
  for (int i = 0; i < 60; ++i) {
    const int m = side(generator), n = side(generator);
    const int rank = std::uniform_int_distribution<int>(1, std::min(m, n))(generator);
    std::vector<double> sigma;
    for (int j = 0; j < rank; ++j) sigma.push_back(std::pow(10, exponent(generator)));
    const auto A = std::pow(10, scale(generator)) * with_spectrum(m, n, sigma, 89 + i);
    for (const auto dtype : {at::kDouble, at::kFloat}) {
      SCOPED_TRACE(c10::str(m, " x ", n, " of rank ", rank, ", draw ", i, " ", dtype));
      expect_polar_factor(A.to(dtype), polar_with_report(A.to(dtype)), default_tol(dtype));
    }
  }
}

TEST(Polar, IsIdempotentAndCommutesWithRotations) {
  const auto A = random_normal(18, 11, 90), U = random_orthonormal(18, 18, 91), V = random_orthonormal(11, 11, 92);
  const auto Q = polar(A);
  EXPECT_LE(relative_error(polar(Q), Q), 1e-14);
  EXPECT_LE(relative_error(polar(A.t()).t(), Q), 1e-13);
  EXPECT_LE(relative_error(polar(at::matmul(at::matmul(U, A), V)), at::matmul(at::matmul(U, Q), V)), 1e-12);
}

TEST(Polar, InputIsNeverWrittenTo) {
  for (const auto& [name, A] : whole_zoo()) {
    const auto before = A.clone();
    polar(A);
    EXPECT_TRUE(same_bits(A, before)) << name;
  }
}

TEST(Polar, RefusesWhatItCannotDo) {
  EXPECT_VALUE_ERROR(polar(at::ones({4}, at::kDouble)), "takes (m, n) or (b, m, n), got [4]");
  EXPECT_VALUE_ERROR(polar(at::ones({1, 1, 4, 4}, at::kDouble)), "(b, m, n)");
  EXPECT_VALUE_ERROR(polar(at::ones({4, 4}, at::kLong)), "floating-point matrix, got Long");
  EXPECT_VALUE_ERROR(polar(at::zeros({0, 4}, at::kDouble)), "a matrix with entries, got [0, 4]");
  EXPECT_VALUE_ERROR(polar(at::full({2, 3}, std::nan(""), at::kDouble)), "6 NaN or infinite entries out of 6");
  EXPECT_VALUE_ERROR(polar(at::ones({4, 4}, at::kDouble), {.tol = 1}), "tol = 1 must be 0 or lie in [");
  EXPECT_VALUE_ERROR(polar(at::ones({4, 4}, at::kFloat), {.tol = 1e-9}), "tol = 1e-09 must be 0 or lie in [1.1920");
}

}  // namespace
}  // namespace fanion::linalg
