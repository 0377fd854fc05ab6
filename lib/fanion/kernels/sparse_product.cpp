#include "fanion/kernels/sparse_product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <vector>

#include "fanion/kernels/instruction_set.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kPieces = 8;          // for each thread, of equally many entries
constexpr int64_t kSmallWork = 20'000;  // multiplications, from which a second thread pays

}  // namespace

bool takes_sparse(const at::Tensor& csr) {
  const auto dtype = csr.scalar_type();
  return csr.layout() == at::kSparseCsr && csr.device().is_cpu() && (dtype == at::kFloat || dtype == at::kDouble) &&
         std::max(csr.size(0), csr.size(1)) <= std::numeric_limits<std::int32_t>::max();
}

CompressedMatrix compressed(const at::Tensor& csr) {
  TORCH_INTERNAL_ASSERT(takes_sparse(csr));
  return {csr.size(0), csr.size(1), csr.crow_indices().to(at::kLong).contiguous(),
          csr.col_indices().to(at::kInt).contiguous(), csr.values().contiguous()};
}

CompressedMatrix transposed(const CompressedMatrix& A) {
  const int64_t entries = A.columns.numel();
  auto starts = at::zeros({A.cols + 1}, at::kLong), order = at::empty({entries}, at::kLong);
  auto rows = at::empty({entries}, at::kInt);
  const auto* from = A.starts.const_data_ptr<int64_t>();
  const auto* columns = A.columns.const_data_ptr<std::int32_t>();
  auto* begin = starts.mutable_data_ptr<int64_t>();
  for (int64_t e = 0; e < entries; ++e) ++begin[columns[e] + 1];
  std::partial_sum(begin, begin + A.cols + 1, begin);
  std::vector<int64_t> next(begin, begin + A.cols);
  auto* place = order.mutable_data_ptr<int64_t>();
  auto* row = rows.mutable_data_ptr<std::int32_t>();
  for (int64_t i = 0; i < A.rows; ++i)
    for (int64_t e = from[i]; e < from[i + 1]; ++e) {
      const int64_t to = next[columns[e]]++;
      place[to] = e;
      row[to] = static_cast<std::int32_t>(i);
    }
  return {A.cols, A.rows, starts, rows, A.values.index_select(0, order)};
}

at::Tensor sparse_product(const CompressedMatrix& A, const at::Tensor& X) {
  TORCH_INTERNAL_ASSERT(X.dim() == 2 && X.size(0) == A.cols && X.scalar_type() == A.values.scalar_type());
  const int64_t b = X.size(1);
  auto Y = at::empty({b, A.rows}, X.options());
  if (A.rows == 0 || b == 0) return Y.t();
  const auto rows = X.contiguous();  // the entries of a row of X are taken together
  const CompressedRows matrix{A.values.const_data_ptr(), A.columns.const_data_ptr<std::int32_t>(),
                              A.starts.const_data_ptr<int64_t>(), X.scalar_type() == at::kDouble};
  const int64_t entries = matrix.starts[A.rows];
  const bool small = (entries + A.rows) * b < kSmallWork;
  const int64_t pieces = small ? 1 : std::min<int64_t>(kPieces * at::get_num_threads(), A.rows);
  // Where a piece begins: rows cost their entries and a store.
  const auto first = [&](int64_t piece) {
    if (piece == pieces) return A.rows;
    const int64_t work = (entries + A.rows) / pieces * piece;
    const auto before = [&](const int64_t& start) { return start + (&start - matrix.starts) < work; };
    return static_cast<int64_t>(std::partition_point(matrix.starts, matrix.starts + A.rows, before) - matrix.starts);
  };
  const auto* from = rows.const_data_ptr();
  auto* to = Y.mutable_data_ptr();
  const auto product = loops_in_use().sparse_rows;
  at::parallel_for(0, pieces, 1,
                   [&](int64_t begin, int64_t end) { product(matrix, first(begin), first(end), from, to, b, A.rows); });
  return Y.t();
}

}  // namespace fanion::kernels
