#include "fanion/norms/batch_qr.h"

#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// Gram–Schmidt, twice a column, in float64: what QR with a positive diagonal is.
at::Tensor orthonormal_by_columns(const at::Tensor& Y) {
  std::vector<at::Tensor> columns;
  for (const auto& y : Y.to(at::kDouble).unbind(1)) {
    auto rest = y.clone();
    for (int time = 0; time < 2; ++time)
      for (const auto& q : columns) rest = rest - q * (q * rest).sum();
    columns.push_back(rest / rest.norm());
  }
  return at::stack(columns, 1);
}

TEST(BatchQr, IsGramSchmidtOfEveryMatrix) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const int64_t k : {1, 2, 5}) {
      const auto graded = random_normal(30, k, 901) * at::logspace(0, -4, k, 10, at::kDouble);
      const auto Y = at::stack({random_normal(30, k, 902), graded, 1e30 * random_normal(30, k, 903),
                                1e-30 * random_normal(30, k, 904)})
                         .to(dtype);
      const auto [Q, R] = batch_qr(Y, 30);
      const double eps = working_eps(dtype) * static_cast<double>(k);
      EXPECT_EQ(Q.scalar_type(), dtype);
      EXPECT_EQ(R.scalar_type(), at::kDouble);
      for (int64_t i = 0; i < Y.size(0); ++i) {
        EXPECT_LE(orthonormality_error(Q[i]), 30 * eps) << dtype << " " << k << " " << i;
        EXPECT_LE(relative_error(Q[i], orthonormal_by_columns(Y[i])), 50 * eps) << dtype << " " << k << " " << i;
        EXPECT_LE(relative_error(at::matmul(Q[i].to(at::kDouble), R[i]), Y[i].to(at::kDouble)), 20 * eps);
        EXPECT_EQ(R[i].tril(-1).abs().max().item<double>(), 0);
      }
    }
}

TEST(BatchQr, ColumnsThatOthersSpanAreRounding) {
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const auto line = random_normal(40, 1, 905), first = random_normal(40, 2, 906);
    const auto parallel = at::cat({line, line, -3 * line, 1e-3 * line}, 1);
    const auto spanned = at::cat({first, at::matmul(first, random_normal(2, 2, 907))}, 1);
    const auto Y = at::stack({parallel, spanned, at::zeros_like(spanned), 1e-30 * parallel}).to(dtype);
    const auto [Q, R] = batch_qr(Y, 40);
    const double eps = working_eps(dtype);
    EXPECT_TRUE(at::isfinite(Q).all().item<bool>());
    EXPECT_LE(Q.norm(2, 1).max().item<double>(), 1 + 100 * eps);
    EXPECT_EQ(Q[2].norm().item<double>(), 0);
    for (int64_t i = 0; i < Y.size(0); ++i)
      EXPECT_LE(relative_error(at::matmul(Q[i].to(at::kDouble), R[i]), Y[i].to(at::kDouble)), 20 * eps) << i;
    for (const int64_t i : {0, 3})
      EXPECT_LE(relative_error(Q[i].narrow(1, 0, 1), orthonormal_by_columns(line)), 100 * eps);
    EXPECT_LE(relative_error(Q[1].narrow(1, 0, 2), orthonormal_by_columns(first)), 100 * eps);
  }
}

}  // namespace
}  // namespace fanion::norms
