#include "fanion/linalg/golub_kahan.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_matrix_norm.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/stopwatch.h"

namespace fanion::linalg {
namespace {

at::Tensor to_cpu(const at::Tensor& X) { return X.to(at::kCPU, at::kDouble); }

/// The largest column norm, in double so that neither 1e-30 nor 1e30 leaves the range.
double largest_column(const at::Tensor& X) {
  if (X.size(1) == 0) return 0;
  return at::linalg_vector_norm(X, 2, {{0}}, /*keepdim=*/false, at::kDouble).amax().item<double>();
}

}  // namespace

BlockBidiagonalisation::BlockBidiagonalisation(const LinearOperator& A, int64_t capacity, double accuracy,
                                               at::Generator generator)
    : A_(A),
      generator_(std::move(generator)),
      accuracy_(accuracy),
      eps_(A.eps()),
      capacity_(std::min({capacity, A.rows(), A.cols()})),
      U_(kernels::empty_block(A.rows(), capacity_, A.options())),
      V_(kernels::empty_block(A.cols(), capacity_, A.options())),
      B_(at::zeros({capacity_, capacity_}, at::kDouble)) {}

BlockBidiagonalisation::Split BlockBidiagonalisation::split(const at::Tensor& basis, int64_t local, at::Tensor X,
                                                            double scale) {
  const Stopwatch watch(seconds_.basis);
  const int64_t b = X.size(1), p = basis.size(1);
  // block ← block − W Wᵀ block for the last `columns` of the basis; returns the coefficients of all of it.
  const auto project = [&](at::Tensor& block, int64_t columns) {
    auto C = at::zeros({p, block.size(1)}, at::kDouble);
    if (columns == 0) return C;
    const auto W = basis.narrow(1, p - columns, columns);
    at::Tensor part, along;  // Wᵀ block, and W times that: one sweep over the basis where the kernels take it
    if (block.scalar_type() == at::kFloat && kernels::gram_reads(W.t(), block.size(1)) == 1) {
      std::tie(part, along) = kernels::skinny_gram(W.t(), block);
    } else {
      part = kernels::product(W.t(), block);
      along = kernels::product(W, part);
    }
    block = block - along;
    C.narrow(0, p - columns, columns).copy_(part);
    return C;
  };
  Split s;
  s.C = project(X, std::min(local, p));
  const double before = largest_column(X);
  s.C += project(X, p);
  at::Tensor R;
  std::tie(s.Q, R) = at::linalg_qr(X);
  s.R = to_cpu(R);
  const double smallest = s.R.diagonal().abs().amin().item<double>();
  const int64_t width = std::min(b, X.size(0) - basis.size(1));  // no more directions are left
  if (width == b && smallest > 0.1 * before && before > 10 * eps_ * scale) return s;

  // Close to dependent: split off the directions that rounding made, and replace them.
  auto [P, D, Nh] = at::linalg_svd(s.R, /*full_matrices=*/false);
  const double vanished = std::max(10 * eps_ * std::max(scale, before), std::numeric_limits<double>::min());
  const int64_t kept = std::min((D > vanished).sum().item<int64_t>(), width);
  s.Q = at::matmul(s.Q, P.narrow(1, 0, width).to(s.Q.options()));
  auto R_new = D.unsqueeze(1).narrow(0, 0, width) * Nh.narrow(0, 0, width);
  if (kept < b) dropped_ = std::max(dropped_, D[kept].item<double>() / std::max(scale, before));
  if (kept < width) {
    R_new.narrow(0, kept, width - kept).zero_();
    s.Q.narrow(1, kept, width - kept)
        .copy_(at::randn({X.size(0), width - kept}, generator_, X.options().device(generator_.device())));
  }
  for (int pass = 0; pass < 2; ++pass) {
    s.C += at::matmul(project(s.Q, p), R_new);
    std::tie(s.Q, R) = at::linalg_qr(s.Q);
    R_new = at::matmul(to_cpu(R), R_new);
  }
  s.R = std::move(R_new);
  return s;
}

void BlockBidiagonalisation::start(const at::Tensor& guess, const at::Tensor& random) {
  size_ = last_ = 0;
  B_.zero_();
  next_ = V_.narrow(1, 0, 0);
  if (guess.size(1) > 0) next_ = split(next_, 0, guess, largest_column(guess)).Q;
  refresh(random);
}

void BlockBidiagonalisation::refresh(const at::Tensor& random) {
  const auto known = at::cat({V_.narrow(1, 0, size_), next_}, 1);
  const auto fresh = split(known, known.size(1), random, 1.0);
  random_ = at::cat({fresh.C, fresh.R}, 0);
  next_ = at::cat({next_, fresh.Q}, 1);
}

void BlockBidiagonalisation::expand() {
  TORCH_INTERNAL_ASSERT(!full());
  const int64_t b = next_.size(1);
  const auto V = V_.narrow(1, size_, b);
  V.copy_(next_);
  at::Tensor Y, Z;
  {
    const Stopwatch watch(seconds_.products);
    if (fuse_ && A_.gram_reads(b) > 0)
      std::tie(Y, Z) = A_.apply_gram(V);
    else
      Y = A_.apply(V);
  }
  scale_ = std::max(scale_, largest_column(Y));
  auto left = split(U_.narrow(1, 0, size_), restarted_ ? size_ : last_, Y, scale_);
  U_.narrow(1, size_, b).copy_(left.Q);
  B_.narrow(0, 0, size_).narrow(1, size_, b).copy_(left.C);
  B_.narrow(0, size_, b).narrow(1, size_, b).copy_(left.R);
  const auto singular = at::linalg_svdvals(left.R);
  const double smallest = singular[b - 1].item<double>();
  // What AᵀU leaves outside span(V, V₊): the rounding of AᵀA V, and what earlier blocks have left, over the new B.
  const double coupled = left.C.numel() > 0 ? at::linalg_matrix_norm(left.C, 2).item<double>() : 0.0;
  const double leak = smallest > 0 ? (eps_ * scale_ * scale_ + leak_ * coupled) / smallest : scale_;
  // Squares of scale_ must stay in float32's range as well.
  const bool fused = Z.defined() && (accuracy_ >= 1 || leak <= accuracy_ * scale_) && scale_ > 1e-12 && scale_ < 1e12;
  leak_ = fused ? std::max(leak, leak_) : leak_;
  mixed_ = mixed_ || (!fused && leak_ > 0);
  if (!fused) {
    fuse_ = false;
    const Stopwatch watch(seconds_.products);
    Z = A_.apply_adjoint(U_.narrow(1, size_, b));
  }
  size_ += b;
  const int64_t local = restarted_ ? size_ : b + last_;
  last_ = b;
  if (size_ == A_.cols()) {
    next_ = V_.narrow(1, 0, 0);
    coupling_ = left_coupling_ = at::zeros({0, b}, at::kDouble);
    return;
  }
  auto right = split(V_.narrow(1, 0, size_), local, Z, fused ? scale_ * scale_ : scale_);
  next_ = right.Q;
  restarted_ = false;
  if (fused) {
    coupling_ = right.R;
    left_coupling_ = at::Tensor();
  } else {
    left_coupling_ = right.R;
    coupling_ = at::matmul(right.R, left.R);
  }
}

void BlockBidiagonalisation::truncate(const at::Tensor& P, const at::Tensor& S, const at::Tensor& Q) {
  const int64_t keep = S.size(0);
  const auto U = left(P), V = right(Q);
  U_.narrow(1, 0, keep).copy_(U);
  V_.narrow(1, 0, keep).copy_(V);
  B_.zero_();
  B_.diagonal().narrow(0, 0, keep).copy_(S);
  size_ = keep;
  random_ = at::Tensor();
  restarted_ = true;
  next_ = split(V_.narrow(1, 0, size_), size_, next_, 1.0).Q;  // the rotation left rounding errors between them
}

at::Tensor BlockBidiagonalisation::random_coordinates() const {
  if (!random_.defined() || random_.size(0) > size_) return {};
  return at::constant_pad_nd(random_, {0, 0, 0, size_ - random_.size(0)});
}

at::Tensor BlockBidiagonalisation::left(const at::Tensor& P) const {
  return at::matmul(U_.narrow(1, 0, size_), P.to(A_.options()));
}
at::Tensor BlockBidiagonalisation::right(const at::Tensor& Q) const {
  return at::matmul(V_.narrow(1, 0, size_), Q.to(A_.options()));
}

}  // namespace fanion::linalg
