#include "fanion/kernels/gram_schmidt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "fanion/kernels/instruction_set.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kMostColumns = 32;
constexpr int64_t kTile = 64;  // rows at a time: 32 columns of them in double are 16 KiB
constexpr int kLanes = 8;
constexpr int kVectors = 24;           // of W that are taken at once
constexpr int64_t kLongest = 1 << 14;  // vectors of W that stay in a core's cache so

using Lanes = double __attribute__((vector_size(kLanes * 8), aligned(8), may_alias));

/// Rows of X in double, column after column; rows past its end are zero.
struct Tile {
  std::array<double, kMostColumns * kTile> x;
  double* column(int64_t j) { return x.data() + j * kTile; }

  void load(const float* X, int64_t stride, int64_t columns, int64_t rows) {
    for (int64_t j = 0; j < columns; ++j) {
      double* to = column(j);
      for (int64_t r = 0; r < rows; ++r) to[r] = X[j * stride + r];
      std::fill(to + rows, to + kTile, 0.0);
    }
  }
};

double dot(const double* x, const double* y) {
  Lanes sum{};
  for (int64_t i = 0; i < kTile; i += kLanes)
    sum += *reinterpret_cast<const Lanes*>(x + i) * *reinterpret_cast<const Lanes*>(y + i);
  double total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += sum[lane];
  return total;
}

void subtract(double* x, const double* y, double factor) {
  for (int64_t i = 0; i < kTile; i += kLanes)
    *reinterpret_cast<Lanes*>(x + i) -= *reinterpret_cast<const Lanes*>(y + i) * factor;
}

/// f(first row, rows) for every tile.
template <class F>
void for_each_tile(int64_t rows, F&& f) {
  for (int64_t r = 0; r < rows; r += kTile) f(r, std::min(kTile, rows - r));
}

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
  return X.scalar_type() == at::kFloat && X.device().is_cpu() && X.size(1) <= kMostColumns && X.stride(0) == 1 &&
         X.stride(1) >= X.size(0);
}

void project_out(const at::Tensor& W, at::Tensor& X, const at::Tensor& C) {
  constexpr int64_t kSmall = 300'000;  // multiplications, from which a second thread pays
  const int64_t n = X.size(0), b = X.size(1), p = W.size(1);
  if (p * n * b > kSmall || n > kLongest) {
    at::Tensor part, along;
    if (gram_reads(W.t(), b) == 1) {
      std::tie(part, along) = skinny_gram(W.t(), X);
    } else {
      part = skinny_product(W.t(), X);
      along = skinny_product(W, part);
    }
    X.sub_(along);
    C.add_(part);
    return;
  }
  // A few vectors at a time, the next ones of what the last ones have left.
  const auto& loops = loops_in_use();
  std::array<float, kMostColumns * kVectors> part{};
  std::array<float, skinny_scratch(kVectors, kMostColumns)> scratch{};
  const Block block{X.data_ptr<float>(), b, X.stride(1)};
  const float* w = W.const_data_ptr<float>();
  auto* c = C.data_ptr<double>();
  for (int64_t first = 0; first < p; first += kVectors) {
    const int64_t count = std::min<int64_t>(kVectors, p - first);
    const Rows rows{w + first * W.stride(1), count, n, W.stride(1), Storage::float32};
    const Block coefficients{part.data(), b, kVectors};
    loops.forward(rows, block, coefficients, kVectors, scratch.data());
    for (int64_t j = 0; j < b; ++j)
      for (int64_t r = 0; r < count; ++r) {
        float& each = part[j * kVectors + r];
        c[(first + r) * b + j] += each;
        each = -each;
      }
    loops.adjoint(rows, coefficients, block, kVectors, scratch.data());
  }
}

double largest_column(const at::Tensor& X) {
  const float* x = X.const_data_ptr<float>();
  double largest = 0;
  Tile tile;
  for (int64_t j = 0; j < X.size(1); ++j) {
    double squares = 0;
    for_each_tile(X.size(0), [&](int64_t r, int64_t rows) {
      tile.load(x + j * X.stride(1) + r, 0, 1, rows);
      squares += dot(tile.column(0), tile.column(0));
    });
    largest = std::max(largest, squares);
  }
  return std::sqrt(largest);
}

std::optional<at::Tensor> cholesky_qr(const at::Tensor& X, double least) {
  const int64_t n = X.size(0), b = X.size(1), stride = X.stride(1);
  auto* x = X.data_ptr<float>();
  auto R = at::zeros({b, b}, at::kDouble);
  auto* g = R.data_ptr<double>();
  Tile tile;
  for_each_tile(n, [&](int64_t r, int64_t rows) {
    tile.load(x + r, stride, b, rows);
    for (int64_t i = 0; i < b; ++i)
      for (int64_t j = i; j < b; ++j) g[i * b + j] += dot(tile.column(i), tile.column(j));
  });
  if (!cholesky(g, b, least)) return std::nullopt;
  for_each_tile(n, [&](int64_t r, int64_t rows) {
    tile.load(x + r, stride, b, rows);
    for (int64_t j = 0; j < b; ++j) {
      for (int64_t i = 0; i < j; ++i) subtract(tile.column(j), tile.column(i), g[i * b + j]);
      double* column = tile.column(j);
      for (int64_t i = 0; i < rows; ++i) {
        column[i] /= g[j * b + j];
        x[j * stride + r + i] = static_cast<float>(column[i]);
      }
    }
  });
  return R;
}

}  // namespace fanion::kernels
