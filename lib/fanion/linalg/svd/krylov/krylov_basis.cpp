#include "fanion/linalg/svd/krylov/krylov_basis.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <cmath>

#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/svd/stopwatch.h"

namespace fanion::linalg {

KrylovBasis::KrylovBasis(const LinearOperator& A, int64_t capacity, at::Generator generator)
    : A_(A),
      generator_(std::move(generator)),
      eps_(A.eps()),
      capacity_(std::min({capacity, A.rows(), A.cols()})),
      V_(kernels::empty_block(A.cols(), std::min(capacity_, kFirstColumns), A.options())) {}

BlockSplit KrylovBasis::split(const at::Tensor& basis, int64_t local, at::Tensor X, double scale) {
  const Stopwatch watch(seconds_.basis);
  auto s = linalg::split(basis, std::move(X), {.local = local, .scale = scale, .eps = eps_}, generator_);
  dropped_ = std::max(dropped_, s.dropped);
  return s;
}

void KrylovBasis::start(const at::Tensor& guess, const at::Tensor& random) {
  next_ = V_.narrow(1, 0, 0);
  if (guess.size(1) > 0) next_ = split(next_, 0, guess, largest_column(guess)).Q;
  if (random.size(1) > 0) refresh(random);
}

void KrylovBasis::refresh(const at::Tensor& random) {
  auto known = V_.narrow(1, 0, size_);
  if (next_.size(1) > 0) known = at::cat({known.t(), next_.t()}, 0).t();
  auto fresh = split(known, known.size(1), random, 1.0);
  random_ = at::cat({fresh.C, fresh.R}, 0);
  next_ = next_.size(1) > 0 ? at::cat({next_.t(), fresh.Q.t()}, 0).t() : std::move(fresh.Q);
}

at::Tensor KrylovBasis::join() {
  TORCH_INTERNAL_ASSERT(!full());
  kernels::grow_block(V_, size_, size_ + next_.size(1), capacity_);
  auto V = V_.narrow(1, size_, next_.size(1));
  V.copy_(next_);
  return V;
}

at::Tensor KrylovBasis::advance(at::Tensor Z, int64_t b, double scale) {
  const int64_t local = restarted_ ? size_ : b + last_;
  last_ = b;
  restarted_ = false;
  const auto V = V_.narrow(1, 0, size_);
  if (size_ == A_.cols()) {
    next_ = V_.narrow(1, 0, 0);
    coupling_ = at::zeros({0, b}, at::kDouble);
    return at::matmul(V.t(), Z).to(at::kCPU, at::kDouble);
  }
  auto s = split(V, local, std::move(Z), scale);
  next_ = std::move(s.Q);
  coupling_ = std::move(s.R);
  return std::move(s.C);
}

void KrylovBasis::rotate(const at::Tensor& Q) {
  const auto kept = right(Q);
  size_ = Q.size(1);
  V_.narrow(1, 0, size_).copy_(kept);
  random_ = at::Tensor();
  restarted_ = true;
  next_ = split(V_.narrow(1, 0, size_), size_, next_, 1.0).Q;  // the rotation left rounding errors between them
}

/// In plain loops, for they are few.
std::vector<double> KrylovBasis::leaving(const at::Tensor& Q, int64_t count) const {
  const auto C = coupling_.accessor<double, 2>(), rows = Q.accessor<double, 2>();
  const int64_t first = size_ - C.size(1);
  std::vector<double> norms(count);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t row = 0; row < C.size(0); ++row) {
      double along = 0;
      for (int64_t l = 0; l < C.size(1); ++l) along += C[row][l] * rows[first + l][i];
      norms[i] += along * along;
    }
    norms[i] = std::sqrt(norms[i]);
  }
  return norms;
}

at::Tensor KrylovBasis::random_coordinates() const {
  if (!random_.defined() || random_.size(0) > size_) return {};
  return at::constant_pad_nd(random_, {0, 0, 0, size_ - random_.size(0)});
}

at::Tensor KrylovBasis::right(const at::Tensor& Q) const {
  return kernels::product(V_.narrow(1, 0, size_), Q.to(A_.options()));
}

}  // namespace fanion::linalg
