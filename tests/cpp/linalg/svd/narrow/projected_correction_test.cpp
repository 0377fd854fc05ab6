#include "fanion/linalg/svd/narrow/projected_correction.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr int64_t kN = 40, kK = 3;

/// The k eigenvectors of T with the largest eigenvalues.
at::Tensor leading(const at::Tensor& T) {
  return std::get<1>(at::linalg_eigh(T)).narrow(1, T.size(0) - kK, kK).flip(1);
}

/// The sine of the largest angle between the spans of X and of the orthonormal Y.
double angle(const at::Tensor& X, const at::Tensor& Y) {
  const auto Q = std::get<0>(at::linalg_qr(X));
  return std::get<1>(at::linalg_svd(Q - at::matmul(Y, at::matmul(Y.t(), Q)), false))[0].item<double>();
}

struct Problem {
  at::Tensor A = with_spectrum(60, kN, geometric(kN, 0.9), 1);
  at::Tensor gram = at::matmul(A.t(), A);
  at::Tensor exact = std::get<2>(at::linalg_svd(A, false)).narrow(0, 0, kK).t();
};

/// Where V is the whole space, the error that noise leaves is squared.
TEST(ProjectedCorrection, SquaresTheErrorWithinTheSpace) {
  const Problem p;
  const auto V = std::get<0>(at::linalg_qr(random_normal(kN, kN, 2)));
  double before = 0;
  for (const double noise : {1e-2, 1e-3, 1e-4}) {
    const auto N = p.A + random_normal(60, kN, 3) * (noise / 60);
    const auto T = at::matmul(V.t(), at::matmul(at::matmul(N.t(), N), V)), Q = leading(T);
    const double first = angle(at::matmul(V, Q), p.exact);
    const double second = angle(corrected_vectors(V, T, Q, at::matmul(p.gram, at::matmul(V, Q))), p.exact);
    EXPECT_LT(second, 20 * first * first) << noise;
    if (before > 0) {
      EXPECT_LT(second, before / 50) << "a tenth of the noise";
    }
    before = second;
  }
}

/// What the space lacks falls as in a step of power iteration.
TEST(ProjectedCorrection, TakesAStepBeyondTheSpace) {
  const Problem p;
  const auto [U, S, Vh] = at::linalg_svd(p.A, false);
  const double lacking = 1e-3;
  const int64_t other = 12;  // the direction that leaks into all of them
  const auto V = std::get<0>(at::linalg_qr(p.exact + Vh[other].unsqueeze(1) * lacking));
  const auto T = at::matmul(V.t(), at::matmul(p.gram, V)), Q = leading(T);
  const auto corrected = corrected_vectors(V, T, Q, at::matmul(p.gram, at::matmul(V, Q)));
  const double ratio = std::pow((S[other] / S[kK - 1]).item<double>(), 2);
  EXPECT_GT(angle(V, p.exact), 1.5 * lacking);
  EXPECT_LT(angle(corrected, p.exact), 1.1 * ratio * angle(V, p.exact));
}

/// Nothing is left to correct where N is A, and no eigenvalue is divided by where A has no more of them.
TEST(ProjectedCorrection, LeavesExactVectorsAlone) {
  for (const int64_t rank : {kN, kK - 1}) {
    const auto A = with_spectrum(60, kN, geometric(rank, 0.9), 4).to(at::kFloat), gram = at::matmul(A.t(), A);
    const auto V = std::get<0>(at::linalg_qr(random_normal(kN, kN, 5))).to(at::kFloat);
    const auto T = at::matmul(V.t(), at::matmul(gram, V)).to(at::kDouble), Q = leading((T + T.t()) / 2);
    const auto found = at::matmul(V, Q.to(at::kFloat));
    const auto corrected = corrected_vectors(V, (T + T.t()) / 2, Q, at::matmul(gram, found));
    const int64_t known = std::min(rank, kK);
    const auto first = [&](const at::Tensor& X) { return X.narrow(1, 0, known).to(at::kDouble); };
    EXPECT_LT(angle(first(corrected), std::get<0>(at::linalg_qr(first(found)))), 1e-4) << rank;
    EXPECT_TRUE(corrected.isfinite().all().item<bool>());
  }
}

}  // namespace
}  // namespace fanion::linalg
