#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <utility>
#include <vector>

#include "fanion/distributed/spread.h"
#include "fanion/optim/step_options.h"

namespace fanion::optim {

/// Which of a parameter's rows (out) are those of one of its matrices: `block` rows from `first` on, and again after
/// every `period` rows.
struct MatrixRows {
  int64_t first, count, block, period;
};

/// How a parameter holds the matrices that a rule steps, each as if it were a parameter of its own.
///
/// With `flatten` the parameter's first dimension counts rows and all others columns (a convolution's); without it the
/// last two are a matrix and those before count matrices (experts, E × out × in). `transposed`: in × out for out × in.
/// Its rows are one matrix, or `num_heads` equal ones, or those of `split_sizes` one after the other, which repeat
/// until the rows end where they are `interleaved`. The matrices stand in this order: by leading dimensions, then by
/// rows.
class HeldMatrices {
 public:
  /// `sizes`: of the whole parameter. ValueError, naming both, where they do not fit the options: fewer than two
  /// dimensions; `transposed` of more than two that are flattened; rows that are not what the split adds up to.
  HeldMatrices(at::IntArrayRef sizes, const LmoStepOptions& options);

  /// Whether the parameter is one matrix, as it is.
  bool is_one() const { return leading_ == 0 && rows_.size() == 1; }
  /// How many there are.
  int64_t count() const;
  /// Sizes of the leading dimensions, and the number of matrices that the rows are split into where they are. State
  /// with a value a matrix has these dimensions in front.
  std::vector<int64_t> front() const;
  /// Rows and columns of the matrices that the rows are split into.
  std::vector<std::pair<int64_t, int64_t>> shapes() const;

  /// Dimensions in front of a matrix's own, 0 of a flattened parameter.
  int64_t leading() const { return leading_; }
  /// The dimension of the parameter that counts rows.
  int64_t row_dimension() const { return leading_ + (transposed_ ? 1 : 0); }
  const std::vector<MatrixRows>& rows() const { return rows_; }
  const std::vector<int64_t>& sizes() const { return sizes_; }

 private:
  std::vector<int64_t> sizes_;
  int64_t leading_;
  bool transposed_;
  std::vector<MatrixRows> rows_;
};

/// One of a parameter's matrices, as far as this process has it.
class HeldMatrix {
 public:
  /// Its place in the tensors that this process has, `at` along the leading dimensions.
  HeldMatrix(std::vector<int64_t> at, int64_t split, MatrixRows rows, int64_t from, int64_t count, int64_t start);

  /// Of the parameter, its gradient or its momentum, whose rows, behind the leading dimensions, are counted by
  /// `dimension` (0, or 1 of a transposed one): a view, or where no view has these rows a copy.
  at::Tensor of_rows(const at::Tensor& parameter, int64_t dimension) const;
  /// Writes what `of_rows` gave back where that is a copy.
  void put_back(const at::Tensor& parameter, int64_t dimension, const at::Tensor& matrix) const;
  /// Of state with a value a matrix, which has `HeldMatrices::front` in front.
  at::Tensor of_front(const at::Tensor& state, bool is_split) const;

  /// Whether `of_rows` copies: of interleaved rows of more than one at a time.
  bool is_copied() const;
  /// Which of the matrices that the rows are split into it is.
  int64_t split() const { return split_; }

  /// How the matrix itself is spread over processes; nothing where this one has all of it.
  std::optional<distributed::Spread> spread = {};

 private:
  at::Tensor index(const at::TensorOptions& like) const;
  at::Tensor at_front(const at::Tensor& tensor) const;

  std::vector<int64_t> at_;
  int64_t split_;
  MatrixRows rows_;
  int64_t from_, count_;  ///< which of its rows are here
  int64_t start_;         ///< the first row of the parameter that is here
};

/// The matrices of which this process has a part, in the same order on all processes. `spread`: of the parameter;
/// nullptr where all of it is here. Of a matrix whose rows are split every process along that axis has a part, of no
/// rows perhaps.
std::vector<HeldMatrix> matrices_here(const HeldMatrices& held, const distributed::Spread* spread);

}  // namespace fanion::optim
