#include "fanion/norms/jacobi_svd.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// Triangular factors of matrices with every kind of spectrum.
std::vector<at::Tensor> square_specimens(int64_t k) {
  std::vector<at::Tensor> all = {random_normal(5 * k, k, 911),
                                 random_normal(k, k, 912),
                                 with_spectrum(k, k, geometric(k, 0.1), 913),
                                 with_spectrum(k, k, geometric(k, 1 - 1e-9), 914),
                                 3 * random_orthonormal(k, k, 915),
                                 with_spectrum(k, k, {2}, 916),
                                 at::eye(k, at::kDouble),
                                 at::zeros({k, k}, at::kDouble),
                                 1e30 * random_normal(k, k, 917),
                                 1e-30 * random_normal(k, k, 918)};
  for (auto& A : all) A = std::get<1>(at::linalg_qr(A, "r"));
  return all;
}

TEST(JacobiSvd, TakesMatricesApart) {
  for (const int64_t k : {1, 2, 3, 4, 7, 12}) {
    const auto R = at::stack(square_specimens(k));
    const auto svd = jacobi_svd(R, at::kDouble);
    const auto expected = at::linalg_svdvals(R);
    for (int64_t i = 0; i < R.size(0); ++i) {
      SCOPED_TRACE(c10::str("k = ", k, ", matrix ", i));
      const auto U = svd.U[i], S = svd.S[i], V = svd.V[i];
      const double largest = expected[i][0].item<double>();
      EXPECT_LE(orthonormality_error(U), 1e-14 * static_cast<double>(k));
      EXPECT_LE((S - expected[i]).abs().max().item<double>(), 1e-14 * static_cast<double>(k) * largest);
      EXPECT_LE(relative_error(at::matmul(U * S, V.t()), R[i]), 1e-14 * static_cast<double>(k));
      EXPECT_LE((V.norm(2, 0) - (S > 0).to(at::kDouble)).abs().max().item<double>(), 1e-13);
      if (i == 5 || i == 7) continue;  // not of full rank
      EXPECT_LE(orthonormality_error(V), 1e-13);
    }
  }
}

TEST(JacobiSvd, AreGoodToFloat32WithASweepLess) {
  for (const int64_t k : {2, 5, 12}) {
    const auto R = at::stack(square_specimens(k));
    const auto svd = jacobi_svd(R, at::kFloat);
    for (const int64_t i : {0, 1, 2, 3, 4}) EXPECT_LE(orthonormality_error(svd.V[i]), 2e-7) << k << " " << i;
  }
}

}  // namespace
}  // namespace fanion::norms
