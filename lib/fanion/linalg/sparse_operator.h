#pragma once

#include "fanion/linalg/linear_operator.h"

namespace fanion::linalg {

/// A sparse matrix (m, n): layout COO, CSR or CSC, dtype float32, float64, or 16-bit, which are widened to float32.
///
/// Entries given twice (COO) are added. Holds A and Aᵀ by rows, made once: products of both sides read rows.
/// Throws on other layouts and dtypes, blocks, batches, NaN or Inf. Cost: 2·nnz per column, with eight columns little
/// more than with one; on the CPU twice the storage of A beside A.
class SparseOperator final : public LinearOperator {
 public:
  explicit SparseOperator(const at::Tensor& A);
  at::Tensor to_dense() const override { return A_.to_dense(); }
  int64_t entries() const override { return A_.values().numel(); }
  std::optional<double> frobenius_squared() const override { return squares_; }

 private:
  struct Stored {
    at::Tensor A;
  };
  explicit SparseOperator(const Stored& s);
  at::Tensor product(const at::Tensor& V) const override;
  at::Tensor adjoint_product(const at::Tensor& U) const override;
  at::Tensor product_in_double(const at::Tensor& V) const override;
  at::Tensor adjoint_product_in_double(const at::Tensor& U) const override;
  static Stored stored(const at::Tensor& A);
  struct Compressed;
  at::Tensor A_, At_;                             ///< CSR, or CSC beside `compressed_`, which takes the place of At_
  std::shared_ptr<const Compressed> compressed_;  ///< both, for this library's kernels, which take them on the CPU
  double squares_;                                ///< ‖A‖_F²
};

}  // namespace fanion::linalg
