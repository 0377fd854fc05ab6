#include "fanion/linalg/sampled_start.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/block_split.h"
#include "fanion/linalg/svd_methods.h"

namespace fanion::linalg {
namespace {

bool in_range(double largest) { return largest > 0 && std::isfinite(largest); }

}  // namespace

at::Tensor sampled_start(const LinearOperator& A, int64_t columns, const SvdOptions& options) {
  constexpr int64_t kShare = 8, kMost = 512, kNoisy = 4;
  constexpr double kNoise = 0.3;
  const int64_t wanted = std::clamp(A.rows() / kShare, 4 * columns, std::max(kMost, 4 * columns));
  if (2 * wanted > A.rows()) return {};
  const auto rows = A.some_rows(wanted);
  if (!rows.defined()) return {};
  auto X = kernels::product(rows.t(), random_block(rows.size(0), columns, A.options(), options));
  if (!in_range(largest_column(X))) return {};
  auto Y = kernels::product(rows, thin_qr(std::move(X)).first);
  const double largest = largest_column(Y);
  if (!in_range(largest)) return {};
  Y.mul_(1 / largest);
  X = kernels::product(rows.t(), Y);
  if (!in_range(largest_column(X))) return {};
  X = thin_qr(std::move(X)).first;
  const int64_t noisy = std::min(columns, kNoisy);
  X.narrow(1, 0, noisy)
      .add_(random_block(A.cols(), noisy, A.options(), options), kNoise / std::sqrt(static_cast<double>(A.cols())));
  return X;
}

}  // namespace fanion::linalg
