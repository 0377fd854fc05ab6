#include "fanion/linalg/svd/sampled_start.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "fanion/host_numbers.h"
#include "fanion/kernels/gram_schmidt.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/dense/small_matrix.h"
#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/svd/projected_svd.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kShare = 8, kMostRows = 512, kMostColumns = 2048, kLongest = 16, kMostNoisy = 4;
constexpr double kNoise = 0.3;

/// Columns to iterate with: a multiple of four, which the products like.
int64_t iterated(int64_t columns, int64_t oversample, int64_t rows) {
  const int64_t whole = (columns + oversample + 3) / 4 * 4;
  return std::min({whole, std::max<int64_t>(columns, kernels::kMostBlockColumns), std::max(columns, rows / kShare)});
}

/// Rows and columns of the sample.
struct Extent {
  int64_t rows, cols;
};
Extent extent(int64_t m, int64_t n, int64_t b) {
  Extent e{std::clamp(m / kShare, 4 * b, std::max(kMostRows, 4 * b)), std::min(n, kMostColumns)};
  for (; e.cols > kLongest * e.rows && 2 * e.rows <= kMostRows && 4 * e.rows <= m; e.rows *= 2) e.cols /= 2;
  return e;
}

/// X ← X over its largest column's norm, where squares might leave the range; false where it is zero or not finite.
bool brought_in_range(at::Tensor& X) {
  const double largest = largest_column(X);
  if (!(largest > 0 && std::isfinite(largest))) return false;
  if (!(largest > 1e-8 && largest < 1e8)) X.mul_(1 / largest);
  return true;
}

/// The leading Ritz vectors for PPᵀ over σ³: then Sᵀ P Pᵀ of them has columns of about the same length.
SmallMatrix evened(const ProjectedSvd& ritz, int64_t columns) {
  auto W = ritz.Q.first_columns(columns);
  const auto& sigma = ritz.S;
  for (int64_t j = 0; j < columns; ++j) {
    const double ratio = std::max(sigma[j] / sigma[0], 1e-3);
    for (int64_t i = 0; i < W.rows(); ++i) W[i][j] /= ratio * ratio * ratio;
  }
  return W;
}

}  // namespace

at::Tensor sampled_start(const LinearOperator& A, int64_t columns, const SvdOptions& options) {
  const int64_t b = iterated(columns, options.oversample, A.rows());
  const auto [rows, cols] = extent(A.rows(), A.cols(), b);
  if (2 * rows > A.rows()) return {};
  const auto S = A.some_rows(rows);
  if (!S.defined()) return {};
  const bool whole = cols == A.cols();
  const auto P = whole ? S : S.narrow(1, 0, cols), Pt = P.t(), St = whole ? Pt : S.t();
  auto U = random_block(S.size(0), b, A.options(), options);
  at::Tensor Z;
  for (int i = 0; i < 2; ++i) {
    if (i > 0) U = thin_qr(std::move(U)).first;
    Z = kernels::product(Pt, U);
    if (!brought_in_range(Z)) return {};
    U = kernels::product(P, Z);
  }
  const auto ritz = from_gram(self_product(Z), /*in_float=*/false);
  U = combination(U, evened(ritz, columns));
  if (!brought_in_range(U)) return {};
  auto X = kernels::product(St, U);
  const double largest = largest_column(X);
  if (!(largest > 0 && std::isfinite(largest))) return {};
  const int64_t noisy = std::min((columns + 1) / 2, kMostNoisy);
  add_random(noisy < columns ? X.narrow(1, columns - noisy, noisy) : X,
             kNoise * largest / std::sqrt(static_cast<double>(A.cols())), options);
  return X;
}

}  // namespace fanion::linalg
