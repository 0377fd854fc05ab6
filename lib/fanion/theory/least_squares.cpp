#include "fanion/theory/least_squares.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

namespace fanion::theory {
namespace {

at::Tensor random_positive(int64_t size, const at::Generator& generator) {
  const auto Q = std::get<0>(at::linalg_qr(at::randn({size, size}, generator, at::kDouble)));
  const auto X = at::matmul(Q * at::rand({size}, generator, at::kDouble), Q.t());
  return (X + X.t()) / 2;
}

}  // namespace

double LeastSquares::value(const at::Tensor& X) const { return (gradient(X) * (X - S)).sum().item<double>() / 2; }

at::Tensor LeastSquares::gradient(const at::Tensor& X) const { return at::matmul(at::matmul(A, X - S), B); }

LeastSquares random_least_squares(int64_t m, int64_t n, const at::Generator& generator) {
  TORCH_CHECK_VALUE(m >= 1 && n >= 1, "least squares on ", m, " x ", n, " matrices: sizes must be positive");
  auto A = random_positive(m, generator);
  auto B = random_positive(n, generator);
  return {std::move(A), std::move(B), at::zeros({m, n}, at::kDouble)};
}

}  // namespace fanion::theory
