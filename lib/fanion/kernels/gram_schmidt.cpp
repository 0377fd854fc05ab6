#include "fanion/kernels/gram_schmidt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "fanion/kernels/instruction_set.h"
#include "fanion/kernels/loops/skinny_blocks.h"
#include "fanion/kernels/skinny_gram.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {
namespace {

constexpr int kVectors = 24;         // of W that are taken at once
constexpr int64_t kSmall = 300'000;  // multiplications, from which a second thread pays
constexpr int64_t kLongest = 16384;  // vectors of W that stay in a core's cache so

/// Upper triangular R with RᵀR = G in place of G's upper triangle; false where a diagonal element is at most `least`.
bool cholesky(double* G, int64_t n, double least) {
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = i; j < n; ++j) {
      double rest = G[i * n + j];
      for (int64_t l = 0; l < i; ++l) rest -= G[l * n + i] * G[l * n + j];
      if (j == i && !(rest > least * least)) return false;
      G[i * n + j] = j == i ? std::sqrt(rest) : rest / G[i * n + i];
    }
  }
  return true;
}

}  // namespace

bool takes_gram_schmidt(const at::Tensor& X) {
  return X.scalar_type() == at::kFloat && X.device().is_cpu() && X.size(1) <= kMostBlockColumns && is_block(X);
}

void project_out(const at::Tensor& basis, int64_t from, at::Tensor& X, double* C) {
  const int64_t n = X.size(0), b = X.size(1), p = basis.size(1) - from;
  if (p * n * b > kSmall || n > kLongest) {
    const auto W = basis.narrow(1, from, p);
    at::Tensor part, along;
    if (gram_reads(W.t(), b) == 1) {
      std::tie(part, along) = skinny_gram(W.t(), X);
    } else {
      part = skinny_product(W.t(), X);
      along = skinny_product(W, part);
    }
    X.sub_(along);
    at::from_blob(C, {p, b}, at::kDouble).add_(part);
    return;
  }
  // A few vectors at a time, the next ones of what the last ones have left.
  const auto& loops = loops_in_use();
  std::array<float, kMostBlockColumns * kVectors> part;
  std::array<float, skinny_scratch(kVectors, kMostBlockColumns)> scratch;
  const int64_t stride = basis.stride(1);
  const float* w = basis.const_data_ptr<float>() + from * stride;
  for (int64_t first = 0; first < p; first += kVectors) {
    const int64_t count = std::min<int64_t>(kVectors, p - first);
    const Rows rows{w + first * stride, count, n, stride, Storage::float32};
    const Block coefficients{part.data(), b, kVectors};
    loops.forward(rows, block_of(X), coefficients, from_cache(kVectors), scratch.data());
    for (int64_t j = 0; j < b; ++j)
      for (int64_t r = 0; r < count; ++r) {
        float& each = part[j * kVectors + r];
        C[(first + r) * b + j] += each;
        each = -each;
      }
    loops.adjoint(rows, coefficients, block_of(X), in_row(rows, kVectors), scratch.data(), nullptr);
  }
}

double largest_column(const at::Tensor& X) { return std::sqrt(loops_in_use().largest_square(block_of(X), X.size(0))); }

void self_product(const at::Tensor& X, double* G) {
  const int64_t b = X.size(1);
  std::fill_n(G, b * b, 0.0);
  loops_in_use().cross(block_of(X), X.size(0), G);
  for (int64_t i = 0; i < b; ++i)
    for (int64_t j = 0; j < i; ++j) G[i * b + j] = G[j * b + i];
}

at::Tensor combination(const at::Tensor& X, const double* C, int64_t columns) {
  const int64_t n = X.size(0), b = X.size(1);
  std::array<float, kMostBlockColumns * kMostBlockColumns> coefficients;  // column-major
  for (int64_t i = 0; i < b; ++i)
    for (int64_t j = 0; j < columns; ++j) coefficients[j * b + i] = static_cast<float>(C[i * columns + j]);
  const Block block{coefficients.data(), columns, b}, from = block_of(X);
  if (n * b * columns > kSmall) return skinny_product(X, at::from_blob(coefficients.data(), {b, columns}, {1, b}));
  auto Z = empty_block(n, columns);
  const auto to = block_of(Z);
  for (int64_t j = 0; j < columns; ++j) std::fill_n(to.data + j * to.stride, n, 0.0f);
  std::array<float, skinny_scratch(kMostBlockColumns, kMostBlockColumns)> scratch;
  const Rows rows{from.data, b, n, from.stride, Storage::float32};
  loops_in_use().adjoint(rows, block, to, in_row(rows, kMostBlockColumns), scratch.data(), nullptr);
  return Z;
}

bool cholesky_qr(const at::Tensor& X, double least, double* R) {
  std::fill_n(R, X.size(1) * X.size(1), 0.0);
  loops_in_use().cross(block_of(X), X.size(0), R);
  if (!cholesky(R, X.size(1), least)) return false;
  loops_in_use().solve(block_of(X), X.size(0), R);
  return true;
}

}  // namespace fanion::kernels
