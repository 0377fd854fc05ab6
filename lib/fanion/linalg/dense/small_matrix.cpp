#include "fanion/linalg/dense/small_matrix.h"

#include <ATen/ops/from_blob.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>

#include "fanion/kernels/gram_schmidt.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kMany = 20'000;  // multiplications that take longer than a call of ATen

}  // namespace

SmallMatrix::SmallMatrix(const at::Tensor& X) : SmallMatrix(X.size(0), X.size(1)) {
  const auto* from = X.const_data_ptr<double>();
  for (int64_t i = 0; i < rows_; ++i)
    for (int64_t j = 0; j < cols_; ++j) (*this)[i][j] = from[i * X.stride(0) + j * X.stride(1)];
}

SmallMatrix SmallMatrix::first_columns(int64_t count) const {
  SmallMatrix first(rows_, count);
  for (int64_t i = 0; i < rows_; ++i) std::copy_n((*this)[i], count, first[i]);
  return first;
}

at::Tensor SmallMatrix::view() const {
  return at::from_blob(const_cast<double*>(data_.data()), {rows_, cols_}, at::kDouble);
}

SmallMatrix operator*(const SmallMatrix& A, const SmallMatrix& B) {
  if (A.rows() * A.cols() * B.cols() > kMany) return SmallMatrix(at::matmul(A.view(), B.view()));
  SmallMatrix C(A.rows(), B.cols());
  for (int64_t i = 0; i < A.rows(); ++i)
    for (int64_t l = 0; l < A.cols(); ++l)
      for (int64_t j = 0; j < B.cols(); ++j) C[i][j] += A[i][l] * B[l][j];
  return C;
}

SmallMatrix transposed_product(const SmallMatrix& A, const SmallMatrix& B) {
  if (A.rows() * A.cols() * B.cols() > kMany) return SmallMatrix(at::matmul(A.view().t(), B.view()));
  SmallMatrix C(A.cols(), B.cols());
  for (int64_t l = 0; l < A.rows(); ++l)
    for (int64_t i = 0; i < A.cols(); ++i)
      for (int64_t j = 0; j < B.cols(); ++j) C[i][j] += A[l][i] * B[l][j];
  return C;
}

std::vector<double> lengths(const SmallMatrix& G, const SmallMatrix& M) {
  const auto GM = G * M;
  std::vector<double> found(M.cols());
  for (int64_t l = 0; l < M.cols(); ++l) {
    double squared = 0;
    for (int64_t i = 0; i < M.rows(); ++i) squared += M[i][l] * GM[i][l];
    found[l] = std::sqrt(std::max(squared, 0.0));
  }
  return found;
}

void solve_right(SmallMatrix& X, const SmallMatrix& R) {
  for (int64_t i = 0; i < X.rows(); ++i)
    for (int64_t j = 0; j < X.cols(); ++j) {
      double rest = X[i][j];
      for (int64_t l = 0; l < j; ++l) rest -= X[i][l] * R[l][j];
      X[i][j] = rest / R[j][j];
    }
}

at::Tensor combination(const at::Tensor& X, const SmallMatrix& C) {
  if (kernels::takes_gram_schmidt(X) && C.cols() <= kernels::kMostBlockColumns)
    return kernels::combination(X, C[0], C.cols());
  return kernels::product(X, C.view().to(X.options()));
}

}  // namespace fanion::linalg
