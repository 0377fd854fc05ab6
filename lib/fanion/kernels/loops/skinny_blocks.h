#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <atomic>
#include <numeric>
#include <vector>

#include "fanion/kernels/caches.h"
#include "fanion/kernels/instruction_set.h"

/// Tensors as the loops see them, and pieces of work for the threads. For the files of the products alone.
namespace fanion::kernels {

constexpr int kStreamedRows = 24;    ///< rows whose streams the processor still prefetches well
constexpr int kChunkRows = 12;       ///< a chunk has a multiple of these
constexpr int64_t kGramColumns = 8;  ///< of one sweep for AᵀA V: more would crowd the rows out of the cache

/// A as row-major, with the stride from row to row; `flipped` if that is Aᵀ.
struct RowMajor {
  Rows rows;
  bool flipped;
};
RowMajor row_major(const at::Tensor& A);

inline int64_t element_bytes(const Rows& A) {
  return A.storage == Storage::float32 ? 4 : A.storage == Storage::int8 ? 1 : 2;
}
inline Rows rows_from(const Rows& A, int64_t first, int64_t count) {
  return {static_cast<const char*>(A.data) + first * A.stride * element_bytes(A), count, A.cols, A.stride, A.storage};
}
inline Rows columns_from(const Rows& A, int64_t first, int64_t count) {
  return {static_cast<const char*>(A.data) + first * element_bytes(A), A.rows, count, A.stride, A.storage};
}

/// Whether the last cache of today's processors holds A.
inline bool in_last_cache(const Rows& A) { return A.rows * A.cols * element_bytes(A) <= kLastCache; }

/// Rows of A that fit the second-level cache twice, or `times` times, beside `columns` of V and Z; 0 where they do not.
int gram_block_rows(const Rows& A, int64_t columns, int64_t times = 2);

/// f(first, width) for equal groups of at most kGramColumns of `columns`, each a sweep.
template <class F>
void for_each_sweep(int64_t columns, F&& f) {
  const int64_t groups = (columns + kGramColumns - 1) / kGramColumns;
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t first = g * columns / groups;
    f(first, (g + 1) * columns / groups - first);
  }
}

/// Rows of A prefetched within themselves, far enough for memory.
inline Streams in_row(const Rows& A, int rows) { return {rows, 512 / element_bytes(A)}; }
/// `rows` rows at a time out of the last cache, which needs no prefetches for products along them.
constexpr Streams from_cache(int rows) { return {rows, 0}; }

/// `rows` floats and what fills their last cache line.
constexpr int64_t whole_lines(int64_t rows) { return (rows + 15) / 16 * 16; }

/// Whether the columns of X are contiguous and do not overlap.
bool is_block(const at::Tensor& X);
Block block_of(const at::Tensor& X);
inline Block rows_from(const Block& X, int64_t first) { return {X.data + first, X.columns, X.stride}; }
/// X itself if it is a block, else a copy.
at::Tensor in_block_layout(const at::Tensor& X);

/// `all` rows or columns in pieces of `size`, the last of which may be smaller.
struct Chunks {
  int64_t all, size;
  int64_t count() const { return (all + size - 1) / size; }
  int64_t first(int64_t i) const { return i * size; }
  int64_t length(int64_t i) const { return std::min(size, all - i * size); }
};
/// What a thread takes at a time: multiples of `unit`, 16 of them where that leaves the summing up of one block of
/// `columns` vectors per chunk cheap, else as few as 4; a multiple of 4 where `unit` allows, so that threads share them
/// evenly. Fixed by the shapes alone, so that results do not depend on the threads.
Chunks chunks_of(int64_t all, int64_t columns, int64_t unit);

/// Room for so many floats, at 64 bytes, that the thread keeps from call to call; it holds nothing in between.
float* thread_scratch(int64_t floats);

/// f(chunk, scratch) for every chunk. Each thread has a share of them, the same from call to call, for its cache may
/// still have them; when it is done with it, it takes what is left of the others'.
template <class F>
void for_each_chunk(const Chunks& chunks, int64_t scratch_floats, F&& f) {
  const int64_t count = chunks.count(), threads = std::min<int64_t>(count, at::get_num_threads());
  std::vector<std::atomic<int64_t>> taken(threads);
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    float* scratch = thread_scratch(scratch_floats);
    for (int64_t own = begin; own < end; ++own)
      for (int64_t k = 0; k < threads; ++k) {
        const int64_t share = (own + k) % threads, first = share * count / threads;
        const int64_t past = (share + 1) * count / threads;
        for (int64_t i = first + taken[share]++; i < past; i = first + taken[share]++) f(i, scratch);
      }
  });
}

/// ‖A‖_F² from the chunks of A, added up in their order; wanted only where `to` is not null.
class ChunkSquares {
 public:
  ChunkSquares(double* to, const Chunks& chunks) : to_(to), sums_(to == nullptr ? 0 : chunks.count()) {}
  double* of(int64_t chunk) { return to_ == nullptr ? nullptr : &sums_[chunk]; }
  void add_up() const {
    if (to_ != nullptr) *to_ = std::accumulate(sums_.begin(), sums_.end(), 0.0);
  }

 private:
  double* to_;
  std::vector<double> sums_;
};

/// Z (rows × columns) = Σ over the chunks, in their order, of what `f(chunk, Z, scratch)` adds to its zeroed Z.
template <class F>
void sum_of_chunks(const Chunks& chunks, const Block& Z, int64_t rows, int64_t scratch_floats, F&& f) {
  const int64_t padded = whole_lines(rows), size = padded * Z.columns;
  const auto partial = at::empty({chunks.count() - 1, size}, at::kFloat);
  float* rest = partial.data_ptr<float>();
  for_each_chunk(chunks, scratch_floats, [&](int64_t i, float* scratch) {
    const Block own = i == 0 ? Z : Block{rest + (i - 1) * size, Z.columns, padded};
    for (int64_t j = 0; j < Z.columns; ++j) std::fill_n(own.data + j * own.stride, rows, 0.0f);
    f(i, own, scratch);
  });
  at::parallel_for(0, rows, 1024, [&](int64_t begin, int64_t end) {
    for (int64_t j = 0; j < Z.columns; ++j)
      for (int64_t i = 1; i < chunks.count(); ++i) {
        const float* other = rest + (i - 1) * size + j * padded;
        for (int64_t r = begin; r < end; ++r) Z.data[j * Z.stride + r] += other[r];
      }
  });
}

}  // namespace fanion::kernels
