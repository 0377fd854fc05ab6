#include "fanion/kernels/skinny_gram.h"

#include <ATen/ops/zeros.h>

#include "fanion/kernels/caches.h"
#include "fanion/kernels/loops/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kManyColumns = 4;    // from so many on, one sweep pays even where the last cache holds A
constexpr int64_t kMostGroups = 2;     // two products read A less often than three groups would
constexpr int64_t kWidestPanel = 512;  // 8 columns of Y are 16 KiB then

/// Rows that two products take in turn where the last cache holds A, for one vector so few that they stay in the first.
int rows_in_turn(const Rows& A, int64_t columns) {
  const int64_t fit = first_level_cache() * 5 / 6 / (A.cols * element_bytes(A)) / 4 * 4;
  return columns > 1 ? kStreamedRows : static_cast<int>(std::clamp<int64_t>(fit, 8, kStreamedRows));
}

/// Columns of A that fit the second-level cache twice, or four cache lines of each row where those are up to twice the
/// cache: what falls out of it comes back from the next one, sooner than from memory. 0 where they are more.
int64_t panel_columns(const Rows& A) {
  const int64_t step = 256 / element_bytes(A), step_bytes = 256 * A.rows;
  if (step_bytes > 2 * second_level_cache()) return 0;
  return std::clamp<int64_t>(second_level_cache() * 9 / 20 / step_bytes, 1, kWidestPanel / step) * step;
}

/// Y = A V, Z = Aᵀ Y for at most kGramColumns columns, by blocks of rows.
void gram_by_rows(const Rows& A, const Block& V, const Block& Y, const Block& Z, double* squares) {
  const auto& loops = loops_in_use();
  const bool cached = V.columns < kManyColumns && in_last_cache(A);  // it may as well be read twice from there
  const int block_rows = cached ? rows_in_turn(A, V.columns) : gram_block_rows(A, V.columns);
  const auto chunks = chunks_of(A.rows, V.columns, kChunkRows);
  ChunkSquares sums(squares, chunks);
  sum_of_chunks(chunks, Z, A.cols, skinny_scratch(block_rows, V.columns), [&](int64_t i, Block z, float* scratch) {
    const int64_t end = chunks.first(i) + chunks.length(i), step = cached ? block_rows : chunks.size;
    for (int64_t r = chunks.first(i); r < end; r += step) {
      const auto part = rows_from(A, r, std::min(step, end - r));
      if (cached) {
        loops.forward(part, V, rows_from(Y, r), from_cache(block_rows), scratch);
        loops.adjoint(part, rows_from(Y, r), z, in_row(A, block_rows), scratch, sums.of(i));
      } else {
        loops.gram(part, V, rows_from(Y, r), z, block_rows, scratch, sums.of(i));
      }
    }
  });
  sums.add_up();
}

/// Y = Aᵀ V, Z = A Y for at most kGramColumns columns, by panels of columns. Each chunk has its own Z, row-major as V.
void gram_by_panels(const Rows& A, const at::Tensor& V, const Block& Y, const at::Tensor& Z, double* squares) {
  const auto& loops = loops_in_use();
  const int64_t width = panel_columns(A);
  const auto chunks = chunks_of(A.cols, Y.columns, width);
  const auto partial = at::zeros({chunks.count(), A.rows, Y.columns}, at::kFloat);
  const auto* v = V.const_data_ptr<float>();
  auto* z = partial.data_ptr<float>();
  ChunkSquares sums(squares, chunks);
  for_each_chunk(chunks, 0, [&](int64_t i, float*) {
    const int64_t end = chunks.first(i) + chunks.length(i);
    for (int64_t c = chunks.first(i); c < end; c += width) {
      const auto panel = columns_from(A, c, std::min(width, end - c));
      loops.gram_panel(panel, v, rows_from(Y, c), z + i * A.rows * Y.columns, kChunkRows, sums.of(i));
    }
  });
  sums.add_up();
  auto total = partial[0];
  for (int64_t i = 1; i < chunks.count(); ++i) total += partial[i];
  Z.copy_(total);
}

}  // namespace

int64_t gram_reads(const at::Tensor& A, int64_t columns) {
  if (!takes_skinny(A) || columns == 0 || columns > kMostGroups * kGramColumns) return 0;
  const auto [rows, flipped] = row_major(A);
  if (in_last_cache(rows) && (flipped || columns > kGramColumns)) return 0;
  const bool takes = flipped ? panel_columns(rows) > 0 : gram_block_rows(rows, std::min(columns, kGramColumns)) > 0;
  return takes ? (columns + kGramColumns - 1) / kGramColumns : 0;
}

std::pair<at::Tensor, at::Tensor> skinny_gram(const at::Tensor& A, const at::Tensor& V, double* squares) {
  auto Y = empty_block(A.size(0), V.size(1)), Z = empty_block(A.size(1), V.size(1));
  skinny_gram_into(A, V, Y, Z, squares);
  return {std::move(Y), std::move(Z)};
}

void skinny_gram_into(const at::Tensor& A, const at::Tensor& V, const at::Tensor& Y, const at::Tensor& Z,
                      double* squares) {
  TORCH_INTERNAL_ASSERT(takes_skinny(A) && is_block(Y) && is_block(Z));
  const auto laid_out = row_major(A);
  const auto& rows = laid_out.rows;
  const bool flipped = laid_out.flipped;
  const int64_t columns = V.size(1);
  TORCH_INTERNAL_ASSERT(flipped ? panel_columns(rows) > 0 : gram_block_rows(rows, std::min(columns, kGramColumns)) > 0);
  for_each_sweep(columns, [&](int64_t first, int64_t width) {
    const auto part = [&](const at::Tensor& X) { return width == columns ? X : X.narrow(1, first, width); };
    const auto v = part(V), y = part(Y), z = part(Z);
    double* wanted = first == 0 ? squares : nullptr;
    if (flipped)
      gram_by_panels(rows, v.contiguous(), block_of(y), z, wanted);
    else
      gram_by_rows(rows, block_of(in_block_layout(v)), block_of(y), block_of(z), wanted);
  });
}

}  // namespace fanion::kernels
