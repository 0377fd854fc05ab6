#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace fanion::norms {

/// How a matrix, or every matrix of a batch, is spread over processes, each of which holds a block of its rows and
/// columns: the sums that complete what a product of blocks leaves partial. A product that contracts over the rows,
/// XᵀY or YᵀY, is followed by `over_rows`, one that contracts over the columns, X V or VᵀV, by `over_columns`.
///
/// Or processes hold replicas: matrices X_r of the whole shape whose mean is the matrix. A product with one of them,
/// and nothing else, is followed by `over_replicas`, the mean of it over them.
struct MatrixLayout {
  /// Adds up every tensor of the list over the processes that share it, in place or by another in its place: the same
  /// tensors on each of them afterwards. Empty where nothing has to be added.
  using Sum = std::function<void(std::vector<at::Tensor>&)>;

  /// What of one side this process has: `count` of its rows or columns from `first` on, one of `blocks` such parts.
  struct Share {
    int64_t first = 0, count = 0, blocks = 1;
  };

  int64_t m = 0, n = 0;  ///< of the whole matrix
  Sum over_rows = {}, over_columns = {};
  Share rows = {}, columns = {};  ///< of a spread one
  Sum over_replicas = {};

  /// Whether a block is less than the matrix.
  bool is_spread() const { return over_rows || over_columns || over_replicas; }
  /// That of the transpose.
  MatrixLayout transposed() const { return {n, m, over_columns, over_rows, columns, rows, over_replicas}; }
};

/// Rows and columns of the whole matrices that M (b, m, n) has blocks of: its own without a layout.
std::pair<int64_t, int64_t> whole_shape(const at::Tensor& M, const MatrixLayout* layout);

/// A partial tensor completed by a sum, or itself where there is none.
at::Tensor completed(at::Tensor partial, const MatrixLayout::Sum& sum);

/// A product that contracted over the rows, or over the columns, completed.
at::Tensor summed_over_rows(at::Tensor partial, const MatrixLayout* layout);
at::Tensor summed_over_columns(at::Tensor partial, const MatrixLayout* layout);

/// X V, where X may be a block or a replica: completed.
at::Tensor product_with_columns(at::Tensor XV, const MatrixLayout* layout);
/// Xᵀ U likewise.
at::Tensor product_with_rows(at::Tensor XtU, const MatrixLayout* layout);

/// ‖·‖₂ of the rows (dims −1), columns (dims −2) or matrices (both) that X (b, m, n) has blocks of, keeping its
/// dimensions; float64, whatever the scale of the entries.
at::Tensor slice_norms(const at::Tensor& X, at::IntArrayRef dims, const MatrixLayout* layout);

}  // namespace fanion::norms
