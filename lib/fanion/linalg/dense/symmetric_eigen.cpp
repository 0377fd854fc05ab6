#include "fanion/linalg/dense/symmetric_eigen.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace fanion::linalg {
namespace {

/// QᵀTQ with tridiagonal T: its diagonal, what is beside it, and the rows of Q.
struct Tridiagonal {
  std::vector<double> diagonal, beside;
  SmallMatrix Q;
};

/// X ← (I − factor·v vᵀ) X for v with zeros before `first`.
void reflect_rows(SmallMatrix& X, const std::vector<double>& v, double factor, int64_t first) {
  const int64_t n = X.cols();
  std::vector<double> along(n);
  for (int64_t i = first; i < X.rows(); ++i)
    for (int64_t j = 0; j < n; ++j) along[j] += v[i] * X[i][j];
  for (int64_t i = first; i < X.rows(); ++i)
    for (int64_t j = 0; j < n; ++j) X[i][j] -= factor * v[i] * along[j];
}

Tridiagonal tridiagonalise(SmallMatrix A) {
  const int64_t n = A.rows();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = 0; j < i; ++j) A[i][j] = A[j][i];
  Tridiagonal t{std::vector<double>(n), std::vector<double>(n), SmallMatrix(n, n)};
  for (int64_t i = 0; i < n; ++i) t.Q[i][i] = 1;
  std::vector<double> v(n), w(n);
  for (int64_t j = 0; j + 2 < n; ++j) {
    // v takes row j beyond its diagonal to one entry.
    double rest = 0;
    for (int64_t i = j + 2; i < n; ++i) rest += A[j][i] * A[j][i];
    if (rest == 0) continue;
    const double norm = std::sqrt(A[j][j + 1] * A[j][j + 1] + rest);
    std::copy_n(A[j], n, v.begin());
    v[j + 1] += std::copysign(norm, v[j + 1]);
    const double factor = 2 / (v[j + 1] * v[j + 1] + rest);
    // A ← A − v wᵀ − w vᵀ with w = factor·A v − (factor/2)(vᵀ factor·A v) v, for what is left of it.
    double along = 0;
    for (int64_t i = j + 1; i < n; ++i) {
      w[i] = factor * std::inner_product(A[i] + j + 1, A[i] + n, v.begin() + j + 1, 0.0);
      along += w[i] * v[i];
    }
    for (int64_t i = j + 1; i < n; ++i) w[i] -= factor / 2 * along * v[i];
    for (int64_t i = j + 1; i < n; ++i)
      for (int64_t l = j + 1; l < n; ++l) A[i][l] -= v[i] * w[l] + w[i] * v[l];
    A[j][j + 1] = -std::copysign(norm, A[j][j + 1]);
    reflect_rows(t.Q, v, factor, j + 1);
  }
  for (int64_t i = 0; i < n; ++i) t.diagonal[i] = A[i][i];
  for (int64_t i = 0; i + 1 < n; ++i) t.beside[i] = A[i][i + 1];
  return t;
}

/// One implicit QR step on rows `low` to `high`, with the eigenvalue of the last 2 × 2 that is closer to its end.
void qr_step(Tridiagonal& t, int64_t low, int64_t high) {
  auto &d = t.diagonal, &e = t.beside;
  const double half = (d[high - 1] - d[high]) / 2, off = e[high - 1];
  const double shift = d[high] - off * off / (half + std::copysign(std::sqrt(half * half + off * off), half));
  double x = d[low] - shift, z = e[low];
  for (int64_t k = low; k < high; ++k) {
    const double length = std::sqrt(x * x + z * z);
    const double c = length > 0 ? x / length : 1, s = length > 0 ? z / length : 0;
    if (k > low) e[k - 1] = length;
    const double a = d[k], b = e[k], f = d[k + 1];
    d[k] = c * c * a + 2 * c * s * b + s * s * f;
    d[k + 1] = s * s * a - 2 * c * s * b + c * c * f;
    e[k] = c * s * (f - a) + (c * c - s * s) * b;
    x = e[k];
    if (k + 1 < high) {
      z = s * e[k + 1];
      e[k + 1] *= c;
    }
    double *upper = t.Q[k], *lower = t.Q[k + 1];
    for (int64_t j = 0; j < t.Q.cols(); ++j) {
      const double before = upper[j];
      upper[j] = c * before + s * lower[j];
      lower[j] = c * lower[j] - s * before;
    }
  }
}

}  // namespace

std::optional<SymmetricEigen> symmetric_eigen(SmallMatrix A) {
  constexpr int64_t kMostSteps = 30;  // an eigenvalue; two or three are usual
  const int64_t n = A.rows();
  auto t = tridiagonalise(std::move(A));
  const auto negligible = [&](int64_t i) {
    const double scale = std::abs(t.diagonal[i]) + std::abs(t.diagonal[i + 1]);
    return std::abs(t.beside[i]) <= std::numeric_limits<double>::epsilon() / 2 * scale;
  };
  int64_t steps = 0;
  for (int64_t high = n - 1; high > 0;) {
    if (negligible(high - 1)) {
      --high;
      continue;
    }
    int64_t low = high - 1;
    while (low > 0 && !negligible(low - 1)) --low;
    if (++steps > kMostSteps * n) return std::nullopt;
    qr_step(t, low, high);
  }
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t i, int64_t j) { return t.diagonal[i] > t.diagonal[j]; });
  SymmetricEigen sorted{std::vector<double>(n), SmallMatrix(n, n)};
  for (int64_t i = 0; i < n; ++i) {
    sorted.values[i] = t.diagonal[order[i]];
    std::copy_n(t.Q[order[i]], n, sorted.vectors[i]);
  }
  return sorted;
}

}  // namespace fanion::linalg
