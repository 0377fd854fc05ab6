// Method: thick-restart Golub–Kahan–Lanczos bidiagonalisation for the largest singular triplets.
// Algorithm: expand orthonormal bases U (m × p) and V (n × p) with A V = U B, Aᵀ U = V Bᵀ + r e_pᵀ; take the SVD
//   of the small B; the residual of triplet i is ‖r‖·|last entry of B's i-th left singular vector|; keep the
//   leading triplets plus r as the new start, which makes B diagonal with one full column (an arrow).
//   Works on A or Aᵀ, so that V is the shorter basis; A itself is never squared (the papers run the same
//   recurrence on AᵀA, which loses singular values below √eps·σ₁).
// References: Wu & Simon 1998 (thick restart); Baglama & Reichel 2005, Algorithm 3.1 (this form);
//   Daniel, Gragg, Kaufman & Stewart 1976 (twice is enough).
// Rounding: both bases are fully reorthogonalised, twice, so they stay orthonormal to working precision. The
//   recurrence breaks where a new vector drowns in rounding (norm ≤ 10·eps·σ̂₁): the space is then invariant,
//   and the basis continues with a fresh random vector and a zero in B.
// Multiplicity: the Krylov space of one vector holds one copy of a multiple singular value until a breakdown or
//   rounding brings another, so all residuals may converge while a copy is missing; `dense` and `subspace` find all.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>

#include "fanion/linalg/svd_methods.h"

namespace fanion::linalg {
namespace {

double norm_of(const at::Tensor& x) {
  return at::linalg_vector_norm(x, 2, std::nullopt, false, at::kDouble).item<double>();
}

/// Both Krylov bases, the projected matrix B = Uᵀ A V and the residual r of the last column.
class Bidiagonalisation {
 public:
  Bidiagonalisation(const LinearOperator& A, int64_t size, const SvdOptions& options)
      : A_(A),
        options_(options),
        U_(at::zeros({A.rows(), size}, A.options())),
        V_(at::zeros({A.cols(), size}, A.options())),
        B_(at::zeros({size, size}, at::kDouble)),
        eps_(A.options().dtype() == at::kDouble ? std::numeric_limits<double>::epsilon()
                                                : std::numeric_limits<float>::epsilon()) {
    if (!options_.generator) options_.generator = at::detail::createCPUGenerator(0);
  }

  /// Starts from `v`, (n, 1).
  void start(const at::Tensor& v) {
    residual_ = v;
    residual_norm_ = norm_of(v);
  }

  /// Adds columns filled … size−1 to both bases.
  void expand() {
    auto B = B_.accessor<double, 2>();
    for (int64_t j = filled_; j < V_.size(1); ++j) {
      append(V_, j, residual_, residual_norm_);
      auto u = A_.apply(V_.narrow(1, j, 1));
      const auto along = orthogonalise(u, U_.narrow(1, 0, j)).to(at::kCPU, at::kDouble).contiguous();
      for (int64_t i = 0; i < j; ++i) B[i][j] = along.data_ptr<double>()[i];
      B[j][j] = norm_of(u);
      scale_ = std::max(scale_, B[j][j]);
      if (B[j][j] <= breakdown()) B[j][j] = 0;
      append(U_, j, u, B[j][j]);
      residual_ = A_.apply_adjoint(U_.narrow(1, j, 1));
      orthogonalise(residual_, V_.narrow(1, 0, j + 1));
      residual_norm_ = norm_of(residual_);
      scale_ = std::max(scale_, residual_norm_);
      if (residual_norm_ <= breakdown()) residual_norm_ = 0;
    }
    filled_ = V_.size(1);
  }

  /// SVD of B: (P, S, Q) with B = P diag(S) Qᵀ.
  std::tuple<at::Tensor, at::Tensor, at::Tensor> solve() const {
    auto [P, S, Qh] = at::linalg_svd(B_);
    return {P, S, Qh.t()};
  }

  double residual_norm() const { return residual_norm_; }

  /// Keeps the `keep` leading triplets of (P, S, Q) and r.
  void truncate(const at::Tensor& P, const at::Tensor& S, const at::Tensor& Q, int64_t keep) {
    rotate(U_, P, keep);
    rotate(V_, Q, keep);
    B_.zero_();
    for (int64_t i = 0; i < keep; ++i) B_[i][i] = S[i];
    filled_ = keep;
  }

  at::Tensor left(const at::Tensor& P, int64_t k) const { return at::matmul(U_, P.narrow(1, 0, k).to(U_.options())); }
  at::Tensor right(const at::Tensor& Q, int64_t k) const { return at::matmul(V_, Q.narrow(1, 0, k).to(V_.options())); }

 private:
  double breakdown() const { return 10 * eps_ * scale_; }

  /// x ← x − basis·(basisᵀx), twice; returns the coefficients.
  static at::Tensor orthogonalise(at::Tensor& x, const at::Tensor& basis) {
    auto coefficients = at::matmul(basis.t(), x);
    x = x - at::matmul(basis, coefficients);
    const auto correction = at::matmul(basis.t(), x);
    x = x - at::matmul(basis, correction);
    return coefficients + correction;
  }

  /// basis[:, j] ← x / norm, or a random unit vector orthogonal to the basis where x vanished.
  void append(at::Tensor& basis, int64_t j, at::Tensor x, double norm) {
    for (int attempt = 0; norm == 0 && attempt < 5; ++attempt) {
      x = random_block(basis.size(0), 1, basis.options(), options_);
      orthogonalise(x, basis.narrow(1, 0, j));
      norm = norm_of(x);
    }
    x = x / norm;
    orthogonalise(x, basis.narrow(1, 0, j));
    basis.narrow(1, j, 1).copy_(x / norm_of(x));
  }

  static void rotate(at::Tensor& basis, const at::Tensor& by, int64_t keep) {
    basis.narrow(1, 0, keep).copy_(at::matmul(basis, by.narrow(1, 0, keep).to(basis.options())));
  }

  const LinearOperator& A_;
  SvdOptions options_;
  at::Tensor U_, V_, B_, residual_;
  double residual_norm_ = 0;
  double scale_ = 0;  // running lower bound of σ₁
  double eps_;
  int64_t filled_ = 0;
};

SvdResult lanczos_tall(const LinearOperator& A, int64_t k, const SvdOptions& options, const at::Tensor& start) {
  const int64_t size = options.basis > 0 ? options.basis : std::min(std::max<int64_t>(2 * k + 8, 20), A.cols());
  Bidiagonalisation bases(A, size, options);
  bases.start(start);
  SvdReport report;
  report.status = SvdStatus::exhausted;
  at::Tensor P, S, Q, estimates;
  for (;; ++report.restarts) {
    bases.expand();
    std::tie(P, S, Q) = bases.solve();
    estimates = P[size - 1].narrow(0, 0, k).abs() * (size < A.cols() ? bases.residual_norm() : 0.0);
    const double sigma1 = S[0].item<double>();
    const int64_t converged = (estimates <= options.tol * sigma1).sum().item<int64_t>();
    if (converged == k) report.status = SvdStatus::converged;
    if (converged == k || report.restarts == options.max_restarts) break;
    // Wu & Simon keep more than k: the extra vectors hold what is about to converge.
    const int64_t keep = std::min(k + std::max<int64_t>((size - k) / 3, 1), size - 1);
    bases.truncate(P, S, Q, keep);
  }
  report.residuals = estimates;
  report.message = c10::str(report.restarts, " restarts of a basis of ", size, ", largest residual ",
                            estimates.max().item<double>(), " with sigma_1 = ", S[0].item<double>());
  return {bases.left(P, k), S.narrow(0, 0, k).to(A.options()), bases.right(Q, k), report};
}

}  // namespace

SvdResult lanczos_svd(const LinearOperator& A, int64_t k, const SvdOptions& options) {
  const bool wide = A.rows() < A.cols();
  const AdjointOperator adjoint(A);
  const LinearOperator& tall = wide ? adjoint : A;
  auto start = random_block(tall.cols(), 1, A.options(), options);
  if (options.warm_start.defined()) {
    const auto guess = options.warm_start.to(A.options()).sum(1, /*keepdim=*/true);
    // A trace of noise lets the basis leave a warm start that misses a direction altogether.
    start = (wide ? A.apply(guess) : guess) + 1e-3 * start;
  }
  auto result = lanczos_tall(tall, k, options, start);
  if (wide) std::swap(result.U, result.V);
  return result;
}

}  // namespace fanion::linalg
