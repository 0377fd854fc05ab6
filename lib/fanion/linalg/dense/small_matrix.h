#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion::linalg {

/// Rows of doubles on the host for the small problems inside a solver: a call of ATen takes longer than the arithmetic
/// of most. The products below hand large ones over.
class SmallMatrix {
 public:
  SmallMatrix() : SmallMatrix(0, 0) {}
  SmallMatrix(int64_t rows, int64_t cols) : rows_(rows), cols_(cols), data_(rows * cols) {}
  /// A copy of X, float64 on the CPU, (m, n).
  explicit SmallMatrix(const at::Tensor& X);

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  double* operator[](int64_t row) { return data_.data() + row * cols_; }
  const double* operator[](int64_t row) const { return data_.data() + row * cols_; }
  SmallMatrix first_columns(int64_t count) const;
  /// A float64 tensor, (m, n), that shares the memory: only while this lives.
  at::Tensor view() const;

 private:
  int64_t rows_, cols_;
  std::vector<double> data_;
};

SmallMatrix operator*(const SmallMatrix& A, const SmallMatrix& B);
/// Aᵀ B.
SmallMatrix transposed_product(const SmallMatrix& A, const SmallMatrix& B);
/// ‖L m‖ for the columns m of M, from G = LᵀL.
std::vector<double> lengths(const SmallMatrix& G, const SmallMatrix& M);
/// X ← X R⁻¹ for upper triangular R with no zero on its diagonal.
void solve_right(SmallMatrix& X, const SmallMatrix& R);

/// X C in X's dtype and on its device: (n, b) · (b, j). Rounds C to that dtype.
at::Tensor combination(const at::Tensor& X, const SmallMatrix& C);

}  // namespace fanion::linalg
