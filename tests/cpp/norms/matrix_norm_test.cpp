#include "fanion/norms/matrix_norm.h"

#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>

#include "certificates.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

TEST(MatrixNorm, RefusesWhatIsNoMatrixOfNumbers) {
  for (const auto& c : norm_cases(5, 4)) {
    SCOPED_TRACE(c.name);
    EXPECT_VALUE_ERROR(c.norm->dual(at::ones({5, 4}, at::kLong)), "floating-point");
    EXPECT_VALUE_ERROR(c.norm->lmo(at::ones({5, 4}, at::kLong)), "floating-point");
    EXPECT_VALUE_ERROR(c.norm->prox(random_normal(5, 4, 311), 0), "lambda = 0 must be positive");
  }
  EXPECT_VALUE_ERROR(working_matrix(at::ones({5}, at::kFloat)), "2-dimensional");
  EXPECT_VALUE_ERROR(working_matrix(at::Tensor()), "undefined");
}

TEST(MatrixNorm, InputIsNeverWrittenTo) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    const auto M = random_normal(9, 7, 312).to(dtype), before = M.clone();
    for (const auto& c : norm_cases(9, 7)) {
      to_dense(c.norm->lmo(M), M);
      c.norm->dual(M);
      c.norm->prox(M, 1);
      if (c.has_value) c.norm->value(M);
      EXPECT_TRUE(same_bits(M, before)) << c.name << " " << dtype;
    }
  }
}

TEST(MatrixNorm, LmoTurnsWithTheMatrix) {
  const auto M = random_normal(9, 7, 313), Q = random_orthonormal(9, 9, 314);
  for (const auto& c : norm_cases(9, 7)) {
    if (!c.unitarily_invariant) continue;
    const auto turned = to_dense(c.norm->lmo(at::matmul(Q, M)), M);
    // 1e3 roundings; Lanczos directions are good to the square root of its residual only where gaps are small.
    const double tol = c.solver_tol > 0 ? 1e-3 : 1e-12;
    EXPECT_LE(relative_error(turned, at::matmul(Q, to_dense(c.norm->lmo(M), M))), tol) << c.name;
  }
}

}  // namespace
}  // namespace fanion::norms
