#include "fanion/kernels/pair_gram.h"

#include <ATen/ops/zeros.h>

#include "fanion/kernels/loops/pair_loops.h"
#include "fanion/kernels/loops/skinny_blocks.h"
#include "fanion/kernels/skinny_gram.h"
#include "fanion/kernels/skinny_product.h"

namespace fanion::kernels {
namespace {

/// Column by column in bfloat16, with zeros up to whole vectors.
at::Tensor narrow_block(const at::Tensor& V) {
  const int64_t n = V.size(0), whole = (n + kPairColumns - 1) / kPairColumns * kPairColumns;
  auto narrow = at::zeros({V.size(1), whole}, at::kBFloat16);
  narrow.narrow(1, 0, n).copy_(V.t());
  return narrow;
}

/// Out of the order in which pairs of rows interleave.
void ordered(const Block& from, int64_t rows, const Block& to) {
  constexpr int64_t kFour = 4, kHalf = kPairColumns / 2;
  for (int64_t j = 0; j < to.columns; ++j) {
    const float* x = from.data + j * from.stride;
    float* y = to.data + j * to.stride;
    for (int64_t r = 0; r < rows; r += kFour) {
      const int64_t in = r % kPairColumns, four = in / 8 * kFour + in / kFour % 2 * kHalf;
      std::copy_n(x + r - in + four, std::min(kFour, rows - r), y + r);
    }
  }
}

void gram_of_pairs(const Rows& A, const at::Tensor& V, const Block& Y, const Block& Z) {
  const auto v = narrow_block(V);
  const int64_t columns = V.size(1), padded = v.size(1);
  const auto interleaved = empty_block(padded, columns);
  const NarrowBlock narrow{static_cast<const std::uint16_t*>(v.const_data_ptr()), columns, padded};
  const int block_rows = gram_block_rows(A, columns);
  const auto chunks = chunks_of(A.rows, columns, kChunkRows);
  sum_of_chunks(chunks, block_of(interleaved), padded, skinny_scratch(block_rows, columns),
                [&](int64_t i, Block z, float* scratch) {
                  const int64_t r = chunks.first(i);
                  kPairGram(rows_from(A, r, chunks.length(i)), narrow, rows_from(Y, r), z, block_rows, scratch);
                });
  ordered(block_of(interleaved), A.cols, Z);
}

}  // namespace

bool takes_pairs(const at::Tensor& A, int64_t columns) {
  return multiplies_pairs() && A.scalar_type() == at::kBFloat16 && gram_reads(A, columns) > 0 && !row_major(A).flipped;
}

std::pair<at::Tensor, at::Tensor> pair_gram(const at::Tensor& A, const at::Tensor& V) {
  const int64_t columns = V.size(1);
  TORCH_INTERNAL_ASSERT(takes_pairs(A, columns));
  auto Y = empty_block(A.size(0), columns), Z = empty_block(A.size(1), columns);
  for_each_sweep(columns, [&](int64_t first, int64_t width) {
    const auto part = [&](const at::Tensor& X) { return X.narrow(1, first, width); };
    gram_of_pairs(row_major(A).rows, part(V), block_of(part(Y)), block_of(part(Z)));
  });
  return {std::move(Y), std::move(Z)};
}

}  // namespace fanion::kernels
