#include "fanion/linalg/svd/look_ahead_operator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "fanion/kernels/dense_steps.h"
#include "fanion/linalg/topk_svd.h"
#include "oracle.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

/// A gradient and a momentum of 60 × 40, B after its update, and M.
struct Case {
  Case() {
    after = B.clone();
    M = kernels::momentum_(after, g, 0.95, true, true);
  }
  at::Tensor g = random_normal(60, 40, 1).to(at::kFloat), B = random_normal(60, 40, 2).to(at::kFloat), after, M;
  LookAheadOperator op{{g, B, 0.95, true, true}};
};

TEST(LookAheadOperator, WhateverIsAskedFirstUpdatesTheMomentumOnce) {
  const auto V = random_normal(40, 3, 3).to(at::kFloat), U = random_normal(60, 3, 4).to(at::kFloat);
  const std::vector<std::function<void(const LookAheadOperator&)>> uses = {
      [&](const auto& A) { A.apply(V); }, [&](const auto& A) { A.apply_adjoint(U); },
      [&](const auto& A) { A.apply_gram(V); }, [&](const auto& A) { A.frobenius_squared(); },
      [&](const auto& A) { A.to_dense(); }};
  for (std::size_t first = 0; first < uses.size(); ++first) {
    const Case c;
    EXPECT_FALSE(c.op.updated());
    uses[first](c.op);
    EXPECT_TRUE(c.op.updated());
    for (const auto& use : uses) use(c.op);
    EXPECT_TRUE(same_bits(c.B, c.after)) << first;
    EXPECT_TRUE(same_bits(c.op.to_dense(), c.M)) << first;
  }
}

TEST(LookAheadOperator, ProductsAreThoseOfTheMatrix) {
  const auto V = random_normal(40, 3, 3).to(at::kFloat), U = random_normal(60, 3, 4).to(at::kFloat);
  const Case c;
  const auto M = c.M.to(at::kDouble);
  const auto [Y, Z] = c.op.apply_gram(V);
  EXPECT_LE(relative_error(Y, at::matmul(M, V.to(at::kDouble))), 1e-6);
  EXPECT_LE(relative_error(Z, at::matmul(M.t(), at::matmul(M, V.to(at::kDouble)))), 1e-6);
  EXPECT_LE(relative_error(c.op.apply(V), at::matmul(M, V.to(at::kDouble))), 1e-6);
  EXPECT_LE(relative_error(c.op.apply_adjoint(U), at::matmul(M.t(), U.to(at::kDouble))), 1e-6);
  EXPECT_NEAR(*c.op.frobenius_squared(), M.square().sum().item<double>(), 1e-5 * *c.op.frobenius_squared());
}

TEST(LookAheadOperator, SubspaceReadsItOnceAPass) {
  const Case c;
  const auto svd = topk_svd(
      c.op, 3, {.method = SvdMethod::subspace, .criterion = SvdCriterion::passes, .passes = 30, .oversample = 4});
  EXPECT_EQ(svd.report.reads, 30);
  const auto exact = std::get<1>(at::linalg_svd(c.M.to(at::kDouble), false));
  EXPECT_LE(relative_error(svd.S, exact.narrow(0, 0, 3)), 1e-3);
}

}  // namespace
}  // namespace fanion::linalg
