#include "fanion/linalg/svd/narrow/corrected_operator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "fanion/dtype_limits.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

TEST(CorrectedOperator, MultipliesAsTheFormedMatrix) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const int64_t columns : {1, 3, 9}) {
      const auto A = random_normal(60, 40, 1).to(dtype), L = random_normal(60, 4, 2).to(dtype),
                 R = random_normal(40, 4, 3).to(dtype), V = random_normal(40, columns, 4).to(dtype),
                 U = random_normal(60, columns, 5).to(dtype);
      const CorrectedOperator op(std::make_shared<DenseOperator>(A), L, R, at::matmul(A.t(), L));
      const auto formed = (A + at::matmul(L, R.t())).to(at::kDouble);
      const auto expect_close = [&](const at::Tensor& found, const at::Tensor& exact, const char* what) {
        EXPECT_LE(relative_error(found.to(at::kDouble), exact), 30 * machine_epsilon(dtype)) << what;
      };
      const auto exact = at::matmul(formed, V.to(at::kDouble));
      expect_close(op.apply(V), exact, "A V");
      expect_close(op.apply_adjoint(U), at::matmul(formed.t(), U.to(at::kDouble)), "Aᵀ U");
      const auto [Y, Z] = op.apply_gram(V);
      expect_close(Y, exact, "Y of both");
      expect_close(Z, at::matmul(formed.t(), exact), "Z of both");
    }
}

}  // namespace
}  // namespace fanion::linalg
