// Threads, layouts and the choice of instruction set around the loops of skinny_loops.cpp.

#include "fanion/kernels/skinny_product.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <optional>
#include <vector>

#include "fanion/kernels/instruction_set.h"
#include "fanion/kernels/large_pages.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kAlign = 16;       // floats in 64 bytes
constexpr int64_t kGramColumns = 8;  // more would crowd the rows out of the cache
constexpr int kStreamedRows = 24;    // rows whose streams the processor still prefetches well

/// A as row-major, with the stride from row to row; `flipped` if that is Aᵀ.
struct RowMajor {
  Rows rows;
  bool flipped;
};
RowMajor row_major(const at::Tensor& A) {
  const bool flipped = A.stride(1) != 1;
  return {{A.const_data_ptr(), A.size(flipped ? 1 : 0), A.size(flipped ? 0 : 1), A.stride(flipped ? 1 : 0),
           storage_of(A).value()},
          flipped};
}

Rows part(const Rows& A, int64_t first, int64_t count) {
  const int64_t bytes = A.storage == Storage::float32 ? 4 : 2;
  return {static_cast<const char*>(A.data) + first * A.stride * bytes, count, A.cols, A.stride, A.storage};
}

Block block(const at::Tensor& X) {
  // A single column may have any stride; what matters is that a block's columns do not overlap.
  return {X.data_ptr<float>(), X.size(1), std::max(X.stride(1), X.size(0))};
}
Block part(const Block& X, int64_t first) { return {X.data + first, X.columns, X.stride}; }

/// X itself if its columns are contiguous, else a copy.
at::Tensor in_block_layout(const at::Tensor& X) {
  if (X.stride(0) == 1 && X.stride(1) >= X.size(0)) return X;
  auto copy = empty_block(X.size(0), X.size(1));
  copy.copy_(X);
  return copy;
}

/// Rows handed to a thread at a time: whole blocks, 16 chunks of them where that leaves the summing up of one Z per
/// chunk cheap, else as few as 4. Fixed by the shapes alone, so that results do not depend on the threads.
int64_t chunk_rows(int64_t rows, int64_t columns) {
  const int64_t wanted = std::max(rows / 16, std::min(80 * columns, rows / 4));
  return std::max<int64_t>((wanted + kStreamedRows - 1) / kStreamedRows, 3) * kStreamedRows;
}

/// f(chunk, first row, rows, scratch) for every chunk; a thread takes the next one when it is done with its last.
template <class F>
void for_each_chunk(int64_t rows, int block_rows, int64_t columns, F&& f) {
  const int64_t chunk = chunk_rows(rows, columns), chunks = (rows + chunk - 1) / chunk;
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, std::min<int64_t>(chunks, at::get_num_threads()), 1, [&](int64_t, int64_t) {
    const auto scratch = at::empty({skinny_scratch(block_rows, columns)}, at::kFloat);
    for (int64_t i = next++; i < chunks; i = next++)
      f(i, i * chunk, std::min(chunk, rows - i * chunk), scratch.template data_ptr<float>());
  });
}

/// Z = Σ over the chunks, in their order, of what `f(first row, rows, Z, scratch)` adds to its zeroed Z.
template <class F>
void sum_of_chunks(const Rows& A, const Block& Z, int block_rows, F&& f) {
  const int64_t size = Z.stride * Z.columns;
  const int64_t chunk = chunk_rows(A.rows, Z.columns), chunks = (A.rows + chunk - 1) / chunk;
  const auto partial = at::empty({chunks - 1, size}, at::kFloat);
  float* rest = partial.data_ptr<float>();
  // Columns of Z may be followed by ones of another block, but each is as long as its stride.
  for_each_chunk(A.rows, block_rows, Z.columns, [&](int64_t i, int64_t first, int64_t count, float* scratch) {
    float* z = i == 0 ? Z.data : rest + (i - 1) * size;
    std::fill_n(z, size, 0.0f);
    f(first, count, Block{z, Z.columns, Z.stride}, scratch);
  });
  at::parallel_for(0, size, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = 1; i < chunks; ++i)
      for (int64_t c = begin; c < end; ++c) Z.data[c] += rest[(i - 1) * size + c];
  });
}

at::Tensor forward(const Rows& A, const Block& V) {
  auto Y = empty_block(A.rows, V.columns);
  const auto& loops = loops_in_use();
  for_each_chunk(A.rows, kStreamedRows, V.columns, [&](int64_t, int64_t first, int64_t count, float* scratch) {
    loops.forward(part(A, first, count), V, part(block(Y), first), kStreamedRows, scratch);
  });
  return Y;
}

at::Tensor adjoint(const Rows& A, const Block& U) {
  auto Z = empty_block(A.cols, U.columns);
  const auto& loops = loops_in_use();
  sum_of_chunks(A, block(Z), kStreamedRows, [&](int64_t first, int64_t count, Block z, float* scratch) {
    loops.adjoint(part(A, first, count), part(U, first), z, kStreamedRows, scratch);
  });
  return Z;
}

/// Rows of A that fit the second-level cache twice beside V and Z; 0 where they do not.
int gram_block_rows(const Rows& A, int64_t columns) {
  static const int64_t cache = std::max<int64_t>(sysconf(_SC_LEVEL2_CACHE_SIZE), 262144);
  const int64_t row_bytes = A.cols * (A.storage == Storage::float32 ? 4 : 2);
  const int64_t rows = (cache * 4 / 5 - 2 * A.cols * columns * 4) / (2 * row_bytes);
  for (const int whole : {24, 12, 8, 6, 4})  // divisors of a chunk that leave few odd rows to the tiles
    if (whole <= rows) return whole;
  return 0;
}

void gram(const Rows& A, const Block& V, const Block& Y, const Block& Z) {
  const auto& loops = loops_in_use();
  const int block_rows = gram_block_rows(A, V.columns);
  sum_of_chunks(A, Z, block_rows, [&](int64_t first, int64_t count, Block z, float* scratch) {
    loops.gram(part(A, first, count), V, part(Y, first), z, block_rows, scratch);
  });
}

}  // namespace

bool takes_skinny(const at::Tensor& A) {
  return A.dim() == 2 && A.device().is_cpu() && A.layout() == at::kStrided && storage_of(A) &&
         ((A.stride(1) == 1 && A.stride(0) >= A.size(1)) || (A.stride(0) == 1 && A.stride(1) >= A.size(0)));
}

at::Tensor empty_block(int64_t rows, int64_t columns, const at::TensorOptions& options) {
  const int64_t padded = (rows + kAlign - 1) / kAlign * kAlign;
  return empty_in_large_pages({columns, padded}, options).narrow(1, 0, rows).t();
}

at::Tensor product(const at::Tensor& A, const at::Tensor& X) {
  const bool narrow = A.element_size() == 2;
  if (X.scalar_type() == at::kFloat && takes_skinny(A) && (narrow || X.size(1) <= kMostSkinnyColumns))
    return skinny_product(A, X);
  return at::matmul(A.to(X.scalar_type()), X);
}

at::Tensor skinny_product(const at::Tensor& A, const at::Tensor& V) {
  const auto [rows, flipped] = row_major(A);
  const auto X = in_block_layout(V);
  return flipped ? adjoint(rows, block(X)) : forward(rows, block(X));
}

int64_t gram_reads(const at::Tensor& A, int64_t columns) {
  if (!takes_skinny(A) || A.stride(1) != 1 || columns == 0) return 0;
  return gram_block_rows(row_major(A).rows, std::min(columns, kGramColumns)) > 0
             ? (columns + kGramColumns - 1) / kGramColumns
             : 0;
}

std::pair<at::Tensor, at::Tensor> skinny_gram(const at::Tensor& A, const at::Tensor& V) {
  const int64_t groups = gram_reads(A, V.size(1)), columns = V.size(1);
  TORCH_INTERNAL_ASSERT(groups > 0);
  const auto rows = row_major(A).rows;
  const auto X = in_block_layout(V);
  auto Y = empty_block(A.size(0), columns), Z = empty_block(A.size(1), columns);
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * columns / groups, width = (g + 1) * columns / groups - first;
    gram(rows, block(X.narrow(1, first, width)), block(Y.narrow(1, first, width)), block(Z.narrow(1, first, width)));
  }
  return {std::move(Y), std::move(Z)};
}

HalfCopy half_copy(const at::Tensor& A, double norm) {
  TORCH_INTERNAL_ASSERT(takes_skinny(A) && A.scalar_type() == at::kFloat && norm > 0 && std::isfinite(norm));
  const auto [rows, flipped] = row_major(A);
  const int exponent = 14 - std::ilogb(norm);
  const auto H = empty_in_large_pages({rows.rows, rows.cols}, at::kHalf);
  const auto* x = static_cast<const float*>(rows.data);
  auto* h = reinterpret_cast<uint16_t*>(H.data_ptr<at::Half>());
  const auto& loops = loops_in_use();
  const int64_t stride = rows.stride, cols = rows.cols;
  std::vector<NarrowSums> sums(rows.rows);
  at::parallel_for(0, rows.rows, 1 + 65536 / cols, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r)
      sums[r] = loops.narrow(x + r * stride, h + r * cols, cols, std::ldexp(1.0F, exponent));
  });
  double error = 0, squares = 0;
  for (const auto& row : sums) error += row.error, squares += row.squares;
  // Sums of float32 squares, each to a few eps.
  return {flipped ? H.t() : H, exponent, std::ldexp(1.0001 * std::sqrt(error), -exponent), squares};
}

}  // namespace fanion::kernels
