#include "fanion/linalg/svd/block_split.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "fanion/dtype_limits.h"
#include "fanion/host_numbers.h"
#include "fanion/kernels/gram_schmidt.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::linalg {
namespace {

constexpr double kMuch = 0.1;  // of a column that must be left for its rounding errors to be small

at::Tensor to_cpu(const at::Tensor& X) { return X.to(at::kCPU, at::kDouble); }

/// X ← X − W WᵀX for the columns W of the basis from `first` on; adds the coefficients to C, (columns of W, b).
void project_out_from(const at::Tensor& basis, int64_t first, at::Tensor& X, double* C) {
  const int64_t columns = basis.size(1) - first, b = X.size(1);
  if (columns == 0) return;
  if (kernels::takes_gram_schmidt(X)) return kernels::project_out(basis, first, X, C);
  const auto W = basis.narrow(1, first, columns);
  const auto part = kernels::product(W.t(), X);
  X.sub_(kernels::product(W, part));
  at::from_blob(C, {columns, b}, at::kDouble).add_(to_cpu(part));
}

/// The least |Rᵢᵢ| of a matrix on the CPU in double; infinite without columns.
double least_diagonal(const at::Tensor& R) {
  const auto* r = R.const_data_ptr<double>();
  double least = std::numeric_limits<double>::infinity();
  for (int64_t i = 0; i < R.size(1); ++i) least = std::min(least, std::abs(r[i * (R.stride(0) + R.stride(1))]));
  return least;
}

/// Whether upper triangular R has falling positive values on its diagonal, and beside it none above rounding·R₁₁.
bool is_singular_values(const SmallMatrix& R, double rounding) {
  for (int64_t i = 0; i < R.rows(); ++i) {
    if (!(R[i][i] > 0) || (i > 0 && R[i][i] > R[i - 1][i - 1])) return false;
    for (int64_t j = i + 1; j < R.cols(); ++j)
      if (!(std::abs(R[i][j]) <= rounding * R[0][0])) return false;
  }
  return true;
}

/// Upper triangular R and X ← X R⁻¹; nothing where a column is left with no more than `least`.
std::optional<at::Tensor> orthonormalise(at::Tensor& X, double least) {
  if (kernels::takes_gram_schmidt(X)) {
    auto R = at::empty({X.size(1), X.size(1)}, at::kDouble);
    return kernels::cholesky_qr(X, least, R.data_ptr<double>()) ? std::optional(std::move(R)) : std::nullopt;
  }
  const auto [Q, R] = at::linalg_qr(X);
  auto coefficients = to_cpu(R);
  if (!(least_diagonal(coefficients) > least)) return std::nullopt;
  X = Q;
  return coefficients;
}

/// `split` for columns close to dependent: takes off the directions that rounding made, and replaces them.
BlockSplit split_dependent(const at::Tensor& basis, const at::Tensor& X, double scale, const SplitTerms& terms,
                           at::Generator& generator) {
  const int64_t b = X.size(1), p = basis.size(1), width = std::min(b, X.size(0) - p);  // no more directions are left
  BlockSplit s;
  auto [Q, R] = at::linalg_qr(X);
  auto [P, D, Nh] = at::linalg_svd(to_cpu(R), /*full_matrices=*/false);
  const double vanished = std::max(10 * terms.eps * scale, std::numeric_limits<double>::min());
  const int64_t kept = std::min((D > vanished).sum().item<int64_t>(), width);
  s.Q = at::matmul(Q, P.narrow(1, 0, width).to(Q.options()));
  s.R = D.unsqueeze(1).narrow(0, 0, width) * Nh.narrow(0, 0, width);
  s.C = at::zeros({p, b}, at::kDouble);
  if (kept < b && scale > 0) s.dropped = D[kept].item<double>() / scale;  // of nothing, nothing
  if (kept < width) {
    s.R.narrow(0, kept, width - kept).zero_();
    s.Q.narrow(1, kept, width - kept)
        .copy_(at::randn({X.size(0), width - kept}, generator, X.options().device(generator.device())));
  }
  for (int pass = 0; pass < 2; ++pass) {
    s.C += at::matmul(project_out(basis, s.Q).view(), s.R);
    std::tie(s.Q, R) = at::linalg_qr(s.Q);
    s.R = at::matmul(to_cpu(R), s.R);
  }
  return s;
}

}  // namespace

double largest_column(const at::Tensor& X) {
  if (X.size(1) == 0) return 0;
  if (kernels::takes_gram_schmidt(X)) return kernels::largest_column(X);
  return at::linalg_vector_norm(X, 2, {{0}}, /*keepdim=*/false, at::kDouble).amax().item<double>();
}

SmallMatrix project_out(const at::Tensor& W, at::Tensor& X) {
  SmallMatrix C(W.size(1), X.size(1));
  project_out_from(W, 0, X, C[0]);
  return C;
}

SmallMatrix self_product(const at::Tensor& X) {
  if (!kernels::takes_gram_schmidt(X)) return SmallMatrix(to_cpu(at::matmul(X.t(), X)));
  SmallMatrix G(X.size(1), X.size(1));
  kernels::self_product(X, G[0]);
  return G;
}

std::pair<at::Tensor, SmallMatrix> thin_qr(at::Tensor X) {
  if (kernels::takes_gram_schmidt(X)) {
    // Columns of very different size are no harm, but ones that depend on others are.
    SmallMatrix R(X.size(1), X.size(1));
    if (kernels::cholesky_qr(X, 1e-4 * kernels::largest_column(X), R[0])) return {std::move(X), std::move(R)};
  }
  auto [Q, R] = at::linalg_qr(X);
  return {std::move(Q), SmallMatrix(to_cpu(R))};
}

at::Tensor RitzTriplets::turn(const at::Tensor& X) const {
  return W.rows() > 0 ? kernels::product(X, W.view().to(X.options())) : X;
}

void RitzTriplets::turn(SmallMatrix& X) const {
  if (W.rows() > 0) X = X * W;
}

RitzTriplets rayleigh_ritz(at::Tensor Y) {
  const auto [Q, R] = thin_qr(std::move(Y));
  if (is_singular_values(R, 16 * machine_epsilon(Q.scalar_type()))) {
    std::vector<double> S(R.rows());
    for (int64_t i = 0; i < R.rows(); ++i) S[i] = R[i][i];
    return {Q, std::move(S), {}};
  }
  const auto [P, S, Wh] = at::linalg_svd(R.view(), /*full_matrices=*/false);
  return {kernels::product(Q, P.to(Q.options())), to_doubles(S), SmallMatrix(Wh.t())};
}

BlockSplit split(const at::Tensor& basis, at::Tensor X, const SplitTerms& terms, at::Generator& generator) {
  const int64_t b = X.size(1), p = basis.size(1);
  auto C = at::zeros({p, b}, at::kDouble);
  auto* coefficients = C.data_ptr<double>();
  const int64_t distant = std::max<int64_t>(p - terms.local, 0);
  project_out_from(basis, distant, X, coefficients + distant * b);
  const double before = largest_column(X);
  project_out_from(basis, 0, X, coefficients);
  const double scale = std::max(terms.scale, before);
  std::optional<at::Tensor> R;
  if (b <= X.size(0) - p) R = orthonormalise(X, 10 * terms.eps * scale);
  if (R && least_diagonal(*R) > kMuch * before) return {C, std::move(X), *R};

  const bool scaled = R.has_value();  // X is orthonormal, but what was left of the basis has grown with the rest
  if (scaled) {
    C += at::matmul(project_out(basis, X).view(), *R);
    if (const auto again = orthonormalise(X, kMuch)) return {C, std::move(X), at::matmul(*again, *R)};
  }
  auto s = split_dependent(basis, X, scaled ? 1.0 : scale, terms, generator);
  s.C = C + (scaled ? at::matmul(s.C, *R) : s.C);
  if (scaled) s.R = at::matmul(s.R, *R);
  return s;
}

}  // namespace fanion::linalg
