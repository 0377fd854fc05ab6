#include "fanion/linalg/svd/krylov/block_lanczos.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/host_numbers.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/svd/narrow/projected_correction.h"
#include "fanion/linalg/svd/stopwatch.h"

namespace fanion::linalg {
namespace {

/// The k leading vectors, orthonormal in double.
at::Tensor orthonormal(const ProjectedSvd& seen, int64_t k) {
  const auto leading = seen.Q.view().narrow(1, 0, k);
  return seen.rough ? std::get<0>(at::linalg_qr(leading)) : leading.clone();
}

}  // namespace

bool squares_in_range(double largest, const LinearOperator& A) {
  const double range = A.options().dtype() == at::kDouble ? 1e120 : 1e24;
  return largest > 1 / range && largest < range;
}

BlockLanczos::BlockLanczos(const LinearOperator& A, int64_t capacity, at::Generator generator, bool images)
    : KrylovBasis(A, capacity, std::move(generator)) {
  if (images) images_ = kernels::empty_block(A.rows(), std::min(capacity_, kFirstColumns), A.options());
}

at::Tensor BlockLanczos::T() const { return T_.narrow(0, 0, size_).narrow(1, 0, size_); }

void BlockLanczos::expand() {
  const auto V = join();
  const int64_t b = V.size(1);
  at::Tensor Y, Z;
  {
    const Stopwatch watch(seconds_.products);
    std::tie(Y, Z) = A_.apply_gram(V);
  }
  const double largest = largest_column(Z);
  if (size_ == 0 && largest != 0 && !squares_in_range(largest, A_)) throw SquaresOutOfRange{};
  if (images_.defined()) {
    kernels::grow_block(images_, size_, size_ + b, capacity_);
    images_.narrow(1, size_, b).copy_(Y);
  }
  scale_ = std::max(scale_, largest);
  if (!T_.defined() || T_.size(0) < size_ + b) {
    const int64_t enough = std::min(2 * (size_ + b), A_.cols());
    const auto grown = at::zeros({enough, enough}, at::kDouble);
    if (size_ > 0) grown.narrow(0, 0, size_).narrow(1, 0, size_).copy_(T());
    T_ = grown;
  }
  size_ += b;
  const auto column = advance(std::move(Z), b, scale_).contiguous();
  const auto* from = column.const_data_ptr<double>();
  auto* to = T_.data_ptr<double>() + size_ - b;
  for (int64_t i = 0; i < size_; ++i) std::copy_n(from + i * b, b, to + i * T_.size(1));
}

ProjectedSvd BlockLanczos::projected(int64_t /*count*/) const {
  return from_gram(SmallMatrix(T()), A_.options().dtype() != at::kDouble);
}

/// It is at most ‖A‖₂, of which σ̂₁ is no upper bound.
double BlockLanczos::residual(double eigen_residual, double sigma, double sigma1) const {
  const auto squares = A_.frobenius_squared();
  const double most = squares ? std::sqrt(*squares) : std::numeric_limits<double>::infinity();
  const double bound = eigen_residual + relation_error(sigma1) * sigma1 * sigma1;
  return sigma > 0 ? std::min(bound / sigma, most) : most;
}

at::Tensor BlockLanczos::image(const at::Tensor& Q) {
  if (!images_.defined()) return A_.apply(right(Q));
  return kernels::product(images_.narrow(1, 0, size_), Q.to(A_.options()));
}

void BlockLanczos::restart(int64_t keep) {
  const auto kept = from_gram(SmallMatrix(T()), false);
  const auto Q = kept.Q.view().narrow(1, 0, keep);
  if (images_.defined()) images_.narrow(1, 0, keep).copy_(image(Q));
  rotate(Q);
  T_.zero_();
  for (int64_t i = 0; i < keep; ++i) T_[i][i] = kept.S[i] * kept.S[i];
}

SvdResult BlockLanczos::triplets(const ProjectedSvd& seen, int64_t k) {
  const Stopwatch watch(seconds_.basis);
  const auto Q = orthonormal(seen, k);
  SvdResult result;
  const auto ritz = rayleigh_ritz(image(Q));
  const auto turned = ritz.turn(Q);
  result.U = ritz.U;
  result.S = to_tensor(ritz.S, A_.options());
  result.V = right(turned);
  auto residuals = leaving(turned, k);
  const double blurred = (kBlurredRelation - 1) * relation_error(ritz.S[0]) * ritz.S[0] * ritz.S[0];
  for (int64_t i = 0; i < k; ++i) residuals[i] = residual(residuals[i] + blurred, ritz.S[i], ritz.S[0]);
  result.report.residuals = to_tensor(residuals, at::kDouble);
  return result;
}

at::Tensor BlockLanczos::corrected(const ProjectedSvd& seen, int64_t k, const ExactGram& exact) {
  at::Tensor Q, leading, G;
  {
    const Stopwatch watch(seconds_.basis);
    Q = orthonormal(seen, k);
    leading = right(Q);
  }
  {
    const Stopwatch watch(seconds_.products);
    G = exact(leading, /*adjoint=*/false);
  }
  const Stopwatch watch(seconds_.basis);
  const auto upper = T().triu();
  return corrected_vectors(V_.narrow(1, 0, size_), upper + upper.triu(1).t(), Q, G);
}

std::optional<HalfStep> BlockLanczos::half_step(const ProjectedSvd& seen, int64_t k) {
  if (next_block() == 0 || !images_.defined()) return std::nullopt;
  const Stopwatch watch(seconds_.basis);
  const SmallMatrix C(coupling_);
  const int64_t b = C.cols();
  const auto adjoint = [&](const SmallMatrix& M, const SmallMatrix& TM) {
    SmallMatrix last(b, M.cols());
    for (int64_t i = 0; i < b; ++i) std::copy_n(M[size_ - b + i], M.cols(), last[i]);
    return combination(V_.narrow(1, 0, size_), TM) + combination(next_, C * last);
  };
  return linalg::half_step({.seen = seen,
                            .left = transposed_product(C, C),
                            .image = [&](const SmallMatrix& M) { return combination(images_.narrow(1, 0, size_), M); },
                            .adjoint = adjoint},
                           k);
}

}  // namespace fanion::linalg
