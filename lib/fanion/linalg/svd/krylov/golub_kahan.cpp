#include "fanion/linalg/svd/krylov/golub_kahan.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "fanion/host_numbers.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/svd/stopwatch.h"

namespace fanion::linalg {

BlockBidiagonalisation::BlockBidiagonalisation(const LinearOperator& A, int64_t capacity, at::Generator generator)
    : KrylovBasis(A, capacity, std::move(generator)),
      U_(kernels::empty_block(A.rows(), std::min(capacity_, kFirstColumns), A.options())),
      B_(at::zeros({capacity_, capacity_}, at::kDouble)) {}

void BlockBidiagonalisation::expand() {
  const auto V = join();
  const int64_t b = V.size(1);
  at::Tensor Y, Z;
  {
    const Stopwatch watch(seconds_.products);
    Y = A_.apply(V);
  }
  scale_ = std::max(scale_, largest_column(Y));
  const auto left = split(U_.narrow(1, 0, size_), restarted_ ? size_ : last_, std::move(Y), scale_);
  kernels::grow_block(U_, size_, size_ + b, capacity_);
  U_.narrow(1, size_, b).copy_(left.Q);
  B_.narrow(0, 0, size_).narrow(1, size_, b).copy_(left.C);
  B_.narrow(0, size_, b).narrow(1, size_, b).copy_(left.R);
  {
    const Stopwatch watch(seconds_.products);
    Z = A_.apply_adjoint(U_.narrow(1, size_, b));
  }
  size_ += b;
  advance(std::move(Z), b, scale_);
  left_coupling_ = coupling_;
  coupling_ = at::matmul(left_coupling_, left.R);
}

void BlockBidiagonalisation::restart(int64_t keep) {
  const auto kept = full_svd(B(), keep);
  const auto U = left(kept.P);
  U_.narrow(1, 0, keep).copy_(U);
  rotate(kept.Q.view().narrow(1, 0, keep));
  B_.zero_();
  for (int64_t i = 0; i < keep; ++i) B_[i][i] = kept.S[i];
}

ProjectedSvd BlockBidiagonalisation::projected(int64_t count) const {
  return rough() ? from_gram(SmallMatrix(at::matmul(B().t(), B())), true) : full_svd(B(), std::min(count, size_));
}

double BlockBidiagonalisation::residual(double eigen_residual, double sigma, double /*sigma1*/) const {
  const double most = at::linalg_vector_norm(left_coupling_).item<double>();
  return sigma > 0 ? std::min(eigen_residual / sigma, most) : most;
}

/// The leading triplets of B, which the squares of a look have lost the more of the smaller σ_k is.
ProjectedSvd BlockBidiagonalisation::refined(const ProjectedSvd& seen, int64_t k) const {
  if (!rough()) return full_svd(B(), k);
  const double ratio = seen.S[k - 1] / std::max(seen.S[0], 1e-300);
  if (ratio > 1e-2) return linalg::refined(B(), seen.Q, k);
  if (ratio <= 1e-6) return full_svd(B(), k);
  return linalg::refined(B(), from_gram(SmallMatrix(at::matmul(B().t(), B())), false).Q, k);
}

SvdResult BlockBidiagonalisation::triplets(const ProjectedSvd& seen, int64_t k) {
  const Stopwatch watch(seconds_.basis);
  const auto svd = refined(seen, k);
  const std::vector<double> leading(svd.S.begin(), svd.S.begin() + k);
  SvdResult result{left(svd.P), to_tensor(leading, A_.options()), right(svd.Q.view().narrow(1, 0, k)), {}};
  const auto& E = left_coupling_;
  const auto rest = at::matmul(E, svd.P.narrow(0, size_ - E.size(1), E.size(1)));
  result.report.residuals = at::linalg_vector_norm(rest, 2, {{0}});
  return result;
}

/// Aᵀ U = [V V₊]·(Bᵀ over E E_lastᵀ), whose leading triplets are those wanted.
std::optional<HalfStep> BlockBidiagonalisation::half_step(const ProjectedSvd& seen, int64_t k) {
  const auto& sigma = seen.S;
  if (next_block() == 0 || sigma[k - 1] <= 1e-6 * sigma[0]) return std::nullopt;  // so it is where all are zero
  const Stopwatch watch(seconds_.basis);
  const auto& E = left_coupling_;
  const int64_t p = size_, b = E.size(1), beyond = E.size(0);
  auto adjoint = at::zeros({p + beyond, p}, at::kDouble);
  adjoint.narrow(0, 0, p).copy_(B().t());
  adjoint.narrow(0, p, beyond).narrow(1, p - b, b).copy_(E);
  const bool coarse = rough() && sigma[k - 1] > 1e-2 * sigma[0];
  const auto svd = linalg::refined(adjoint, from_gram(SmallMatrix(at::matmul(adjoint.t(), adjoint)), coarse).Q, k);
  const auto in = svd.P.narrow(0, 0, p), out = svd.P.narrow(0, p, beyond);
  HalfStep half;
  half.triplets.U = left(svd.Q.view());
  half.triplets.S = to_tensor(svd.S, A_.options());
  half.sigma = svd.S;
  half.triplets.V = right(in) + kernels::product(next_, out.to(A_.options()));
  half.leaving = to_doubles(at::linalg_vector_norm(out, 2, {{0}}));
  for (int64_t i = 0; i < k; ++i) half.leaving[i] *= svd.S[i];
  return half;
}

at::Tensor BlockBidiagonalisation::left(const at::Tensor& P) const {
  return at::matmul(U_.narrow(1, 0, size_), P.to(A_.options()));
}

}  // namespace fanion::linalg
