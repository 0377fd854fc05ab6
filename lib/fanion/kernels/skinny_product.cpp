// Threads, layouts and the choice of instruction set around the loops of loop_table.cpp.

#include "fanion/kernels/skinny_product.h"

#include <ATen/ops/matmul.h>

#include "fanion/kernels/large_pages.h"
#include "fanion/kernels/loops/skinny_blocks.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kFewRows = 512;      // that stay in the caches
constexpr int64_t kColumnChunk = 128;  // eight cache lines

/// How Z += Aᵀ U reads A: fewer rows at a time are read faster, more of them read and write Z less often (from memory
/// 5000 × 5000 with 8 columns in 4.4, 3.8, 3.5, 3.6, 3.8, 4.8, 5.9 ms by 4, 6, 8, 10, 12, 16, 24 rows where torch's sum
/// takes 2.9, with 3 to 7 in 2.9 to 3.7 by 8 and up to a tenth more by 12). From short rows in memory a prefetch
/// within the row would miss the next block's (20000 × 500: 0.8 to 1.1 ms instead of 1.0 to 1.5).
Streams adjoint_streams(const Rows& A, int64_t columns) {
  constexpr int64_t kShortBytes = 4096;
  const bool cached = in_last_cache(A);
  const int rows = columns > 2 && cached ? kStreamedRows : 8;
  return !cached && A.cols * element_bytes(A) <= kShortBytes ? Streams{rows, rows * A.stride} : in_row(A, rows);
}

at::Tensor forward(const Rows& A, const Block& V) {
  auto Y = empty_block(A.rows, V.columns);
  const auto chunks = chunks_of(A.rows, V.columns, kChunkRows);
  const auto streams = in_last_cache(A) ? from_cache(kStreamedRows) : in_row(A, kStreamedRows);
  for_each_chunk(chunks, skinny_scratch(kStreamedRows, V.columns), [&](int64_t i, float* scratch) {
    const auto part = rows_from(A, chunks.first(i), chunks.length(i));
    loops_in_use().forward(part, V, rows_from(block_of(Y), chunks.first(i)), streams, scratch);
  });
  return Y;
}

/// Aᵀ U of few and long rows: each chunk has columns of its own, so that there is nothing to sum up afterwards.
at::Tensor adjoint_by_columns(const Rows& A, const Block& U, double* squares) {
  auto Z = empty_block(A.cols, U.columns);
  const auto to = block_of(Z);
  const auto chunks = chunks_of(A.cols, 0, kColumnChunk);
  ChunkSquares sums(squares, chunks);
  for_each_chunk(chunks, skinny_scratch(kStreamedRows, U.columns), [&](int64_t i, float* scratch) {
    const int64_t first = chunks.first(i), width = chunks.length(i);
    for (int64_t j = 0; j < to.columns; ++j) std::fill_n(to.data + j * to.stride + first, width, 0.0f);
    loops_in_use().adjoint(columns_from(A, first, width), U, rows_from(to, first), in_row(A, kStreamedRows), scratch,
                           sums.of(i));
  });
  sums.add_up();
  return Z;
}

at::Tensor adjoint(const Rows& A, const Block& U, double* squares) {
  if (A.rows <= kFewRows && A.cols >= 6 * kColumnChunk) return adjoint_by_columns(A, U, squares);
  auto Z = empty_block(A.cols, U.columns);
  const auto chunks = chunks_of(A.rows, U.columns, kChunkRows);
  const auto streams = adjoint_streams(A, U.columns);
  const int64_t scratch_floats = skinny_scratch(streams.rows, U.columns);
  ChunkSquares sums(squares, chunks);
  sum_of_chunks(chunks, block_of(Z), A.cols, scratch_floats, [&](int64_t i, Block z, float* scratch) {
    const auto part = rows_from(A, chunks.first(i), chunks.length(i));
    loops_in_use().adjoint(part, rows_from(U, chunks.first(i)), z, streams, scratch, sums.of(i));
  });
  sums.add_up();
  return Z;
}

}  // namespace

bool takes_skinny(const at::Tensor& A) {
  return A.dim() == 2 && A.device().is_cpu() && A.layout() == at::kStrided && storage_of(A) &&
         ((A.stride(1) == 1 && A.stride(0) >= A.size(1)) || (A.stride(0) == 1 && A.stride(1) >= A.size(0)));
}

/// Floats from column to column. Eight columns a multiple of 4096 bytes apart would fall on the same lines of the
/// first-level cache and crowd the matrix out: 1000 × 1000 with 8 columns took a tenth longer.
int64_t column_stride(int64_t rows) {
  constexpr int64_t kLine = 16, kSets = 64, kClose = 6;
  const int64_t lines = whole_lines(rows) / kLine, beyond = (lines + kClose) % kSets;
  const bool crowded = lines >= kSets - kClose && beyond <= 2 * kClose;
  return (crowded ? lines + 2 * kClose + 1 - beyond : lines) * kLine;
}

at::Tensor empty_block(int64_t rows, int64_t columns, const at::TensorOptions& options) {
  return empty_in_large_pages({rows, columns}, {1, column_stride(rows)}, options);
}

at::Tensor copied_block(const at::Tensor& X) {
  auto copy = empty_block(X.size(0), X.size(1), X.options());
  if (X.scalar_type() != at::kFloat || !X.device().is_cpu() || !is_block(X)) return copy.copy_(X);
  const auto from = block_of(X), to = block_of(copy);
  for (int64_t j = 0; j < from.columns; ++j)
    std::copy_n(from.data + j * from.stride, X.size(0), to.data + j * to.stride);
  return copy;
}

void grow_block(at::Tensor& block, int64_t used, int64_t wanted, int64_t most) {
  if (wanted <= block.size(1)) return;
  const auto larger = empty_block(block.size(0), std::min(std::max(wanted, 2 * block.size(1)), most), block.options());
  larger.narrow(1, 0, used).copy_(block.narrow(1, 0, used));
  block = larger;
}

bool finds_squares(const at::Tensor& A) { return row_major(A).flipped; }

bool takes_product(const at::Tensor& A, const at::Tensor& X) {
  const bool narrow = A.element_size() < 4;
  return X.scalar_type() == at::kFloat && takes_skinny(A) && (narrow || X.size(1) <= kMostSkinnyColumns);
}

at::Tensor product(const at::Tensor& A, const at::Tensor& X) {
  return takes_product(A, X) ? skinny_product(A, X) : at::matmul(A.to(X.scalar_type()), X);
}

at::Tensor skinny_product(const at::Tensor& A, const at::Tensor& V, double* squares) {
  const auto [rows, flipped] = row_major(A);
  TORCH_INTERNAL_ASSERT(flipped || squares == nullptr);
  const auto X = in_block_layout(V);
  return flipped ? adjoint(rows, block_of(X), squares) : forward(rows, block_of(X));
}

}  // namespace fanion::kernels
