#pragma once

#include "fanion/kernels/loops/loop_table.h"

/// The inner loop of `pair_gram`, compiled from pair_loops.cpp for AVX512-BF16. Nothing but plain data passes here, as
/// in loop_table.h.
namespace fanion::kernels {

constexpr std::int64_t kPairColumns = 32;  ///< bfloat16 numbers of a vector

/// `columns` vectors of bfloat16, each `stride` elements long: a multiple of kPairColumns, zero past the end of a row.
struct NarrowBlock {
  const std::uint16_t* data;
  std::int64_t columns, stride;
};

/// Y = A V and Z += Aᵀ Y in one sweep over a bfloat16 A, Y rounded to bfloat16 for the second. At most 8 columns;
/// block_rows at most 24; `scratch` holds `skinny_scratch(block_rows, columns)` floats. Z has V.stride rows, in the
/// order in which pairs of rows interleave: of each kPairColumns first the four that open every eight, then the others.
using PairGram = void(Rows A, NarrowBlock V, Block Y, Block Z, int block_rows, float* scratch);
#ifdef FANION_X86_KERNELS
extern PairGram* const kPairGram;
#else
inline PairGram* const kPairGram = nullptr;  // `takes_pairs` is false there
#endif

}  // namespace fanion::kernels
