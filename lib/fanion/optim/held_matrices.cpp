#include "fanion/optim/held_matrices.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <c10/util/accumulate.h>

#include <algorithm>
#include <numeric>

#include "fanion/optim/matrix_view.h"

namespace fanion::optim {
namespace {

/// How the rows (out) of a parameter of these sizes are split.
std::vector<MatrixRows> rows_of(at::IntArrayRef sizes, int64_t rows, const LmoStepOptions& o) {
  if (o.split_sizes.empty()) {
    TORCH_CHECK_VALUE(rows % o.num_heads == 0, "num_heads = ", o.num_heads, " does not divide the ", rows,
                      " rows (out) of a parameter of sizes ", sizes);
    const auto each = rows / o.num_heads;
    std::vector<MatrixRows> heads;
    for (int64_t i = 0; i < o.num_heads; ++i) heads.push_back({i * each, each, each, rows});
    return heads;
  }
  const auto sum = std::accumulate(o.split_sizes.begin(), o.split_sizes.end(), int64_t{0});
  TORCH_CHECK_VALUE(o.interleaved ? rows % sum == 0 : rows == sum,
                    "split_sizes = ", option_table::text_of(o.split_sizes), " add up to ", sum,
                    ", and the rows (out) of a parameter of ", "sizes ", sizes, " are ", rows,
                    o.interleaved ? ", no multiple of it" : "");
  std::vector<MatrixRows> parts;
  int64_t first = 0;
  for (const auto size : o.split_sizes) {
    parts.push_back({first, size * (rows / sum), size, sum});
    first += size;
  }
  return parts;
}

}  // namespace

HeldMatrices::HeldMatrices(at::IntArrayRef sizes, const LmoStepOptions& o)
    : sizes_(sizes.vec()), leading_(0), transposed_(o.transposed) {
  if (o.flatten) {
    matrix_shape(sizes, o.transposed);  // refuses what is none
  } else {
    TORCH_CHECK_VALUE(sizes.size() >= 2, "a matrix rule needs a parameter of at least 2 dimensions, got ", sizes,
                      "; put it into an AdamW group");
    leading_ = std::ssize(sizes) - 2;
  }
  rows_ = rows_of(sizes, sizes[row_dimension()], o);
}

int64_t HeldMatrices::count() const { return c10::multiply_integers(front()); }

std::vector<int64_t> HeldMatrices::front() const {
  std::vector<int64_t> front(sizes_.begin(), sizes_.begin() + leading_);
  if (rows_.size() > 1) front.push_back(std::ssize(rows_));
  return front;
}

std::vector<std::pair<int64_t, int64_t>> HeldMatrices::shapes() const {
  int64_t columns = 1;
  for (auto d = leading_; d < std::ssize(sizes_); ++d)
    if (d != row_dimension()) columns *= sizes_[d];
  std::vector<std::pair<int64_t, int64_t>> shapes;
  for (const auto& rows : rows_) shapes.emplace_back(rows.count, columns);
  return shapes;
}

HeldMatrix::HeldMatrix(std::vector<int64_t> at, int64_t split, MatrixRows rows, int64_t from, int64_t count,
                       int64_t start)
    : at_(std::move(at)), split_(split), rows_(rows), from_(from), count_(count), start_(start) {}

bool HeldMatrix::is_copied() const { return rows_.block > 1 && rows_.block < rows_.count; }

at::Tensor HeldMatrix::index(const at::TensorOptions& like) const {
  const auto j = at::arange(from_, from_ + count_, like.dtype(at::kLong));
  return j.floor_divide(rows_.block) * rows_.period + j.remainder(rows_.block) + (rows_.first - start_);
}

at::Tensor HeldMatrix::at_front(const at::Tensor& tensor) const {
  auto found = tensor;
  for (const auto i : at_) found = found.select(0, i);
  return found;
}

at::Tensor HeldMatrix::of_rows(const at::Tensor& parameter, int64_t dimension) const {
  const auto X = at_front(parameter);
  if (is_copied()) return X.index_select(dimension, index(X.options()));
  if (rows_.block == rows_.count) return X.narrow(dimension, count_ == 0 ? 0 : rows_.first + from_ - start_, count_);
  const auto first = rows_.first + from_ * rows_.period - start_;
  return X.slice(dimension, first, first + count_ * rows_.period, rows_.period);
}

void HeldMatrix::put_back(const at::Tensor& parameter, int64_t dimension, const at::Tensor& matrix) const {
  if (is_copied()) at_front(parameter).index_copy_(dimension, index(parameter.options()), matrix);
}

at::Tensor HeldMatrix::of_front(const at::Tensor& state, bool is_split) const {
  const auto of_this = at_front(state);
  return is_split ? of_this.select(0, split_) : of_this;
}

namespace {

/// What a process has of one of the parameter's dimensions, as the mesh's axes split it one after the other.
struct Interval {
  int64_t first, end;
};

/// How many of a matrix's rows come before row `row` of the parameter.
int64_t rows_before(const MatrixRows& rows, int64_t row) {
  const auto past = std::max<int64_t>(row - rows.first, 0);
  return std::min(past / rows.period * rows.block + std::min(past % rows.period, rows.block), rows.count);
}

Interval share_of(const distributed::Spread& spread, int64_t dimension) {
  Interval here{0, spread.sizes[dimension]};
  for (const auto& axis : spread.axes) {
    if (axis.dimension != dimension) continue;
    here.first += std::accumulate(axis.sizes.begin(), axis.sizes.begin() + axis.rank, int64_t{0});
    here.end = here.first + axis.sizes[axis.rank];
  }
  return here;
}

/// How one matrix is spread where its parameter is: the axes that split leading dimensions are none of its own, and of
/// those that split rows each process has what of its rows stands in that process's share.
distributed::Spread spread_of_matrix(const distributed::Spread& spread, const HeldMatrices& held,
                                     const MatrixRows& rows) {
  const auto leading = held.leading(), row_dimension = held.row_dimension();
  distributed::Spread own{{spread.sizes.begin() + leading, spread.sizes.end()}, {}};
  own.sizes[row_dimension - leading] = rows.count;
  int64_t start = 0;
  for (auto axis : spread.axes) {
    if (axis.splits() && axis.dimension < leading) continue;
    if (axis.dimension == row_dimension) {
      const auto before_this = std::accumulate(axis.sizes.begin(), axis.sizes.begin() + axis.rank, int64_t{0});
      auto next = start;
      for (auto& share : axis.sizes) {
        const auto end = next + share;
        share = rows_before(rows, end) - rows_before(rows, next);
        next = end;
      }
      start += before_this;
    }
    if (axis.splits()) axis.dimension -= leading;
    own.axes.push_back(std::move(axis));
  }
  return own;
}

}  // namespace

std::vector<HeldMatrix> matrices_here(const HeldMatrices& held, const distributed::Spread* spread) {
  const auto share = [&](int64_t d) { return spread ? share_of(*spread, d) : Interval{0, held.sizes()[d]}; };
  std::vector<int64_t> at(held.leading(), 0), here;
  for (int64_t d = 0; d < held.leading(); ++d) here.push_back(share(d).end - share(d).first);
  const auto rows_here = share(held.row_dimension());
  std::vector<HeldMatrix> matrices;
  for (auto left = c10::multiply_integers(here); left > 0; --left) {
    for (std::size_t s = 0; s < held.rows().size(); ++s) {
      const auto& rows = held.rows()[s];
      const auto from = rows_before(rows, rows_here.first), to = rows_before(rows, rows_here.end);
      auto& matrix = matrices.emplace_back(at, static_cast<int64_t>(s), rows, from, to - from, rows_here.first);
      if (spread != nullptr) {
        auto own = spread_of_matrix(*spread, held, rows);
        if (own.is_part()) matrix.spread = std::move(own);
      }
    }
    for (auto d = held.leading(); d-- > 0;) {
      if (++at[d] < here[d]) break;
      at[d] = 0;
    }
  }
  return matrices;
}

}  // namespace fanion::optim
