#pragma once

#include <cstdint>

/// The inner loops of the kernels, one table per instruction set, all compiled from loop_table.cpp.
/// Nothing but plain data passes here: a file compiled for AVX-512 must not share inline functions with others.
namespace fanion::kernels {

/// Storage of the big matrix; blocks of vectors are always float32.
enum class Storage : int { float32, bfloat16, float16, int8 };

/// Row-major rows × cols matrix, `stride` elements from row to row.
struct Rows {
  const void* data;
  std::int64_t rows, cols, stride;
  Storage storage;
};

/// `columns` vectors, each contiguous, `stride` floats from vector to vector.
struct Block {
  float* data;
  std::int64_t columns, stride;
};

/// Rows of a sparse matrix, one after the other: entries starts[i] to starts[i + 1] are those of row i. float or
/// double.
struct CompressedRows {
  const void* values;
  const std::int32_t* columns;
  const std::int64_t* starts;
  bool in_double;
};

/// How rows are read: so many at a time, and prefetched so many elements ahead, not at all if 0.
struct Streams {
  int rows;
  std::int64_t ahead;
};

/// Σ(scale·x − y)², Σy² and Σ(scale·x)².
struct NarrowSums {
  double error, squares, full_squares;
};

/// How a gradient g enters its momentum b: b ← b + take·(g − b) if `average`, else keep·b + g, with keep + take = 1, if
/// that is still to be done (`update`); and then M: with `ahead` b + (1 − keep)·(g − b), or g + keep·b, and else b.
struct MomentumTerms {
  float keep, take;
  bool average, ahead, update;
  float weight = 1, decay = keep;  ///< of a sum: b ← decay·b + weight·g, M = weight·g + keep·b
};

/// Rows of M, from g and b, each row-major without gaps; b is written with `terms.update`. `kept`, where it is not
/// null, gets M in the products and the norm, and has it in a step.
struct LookAheadRows {
  const float* g;
  float* b;
  float* kept;
  std::int64_t rows, cols;
  MomentumTerms terms;
};

/// What `look_ahead_step` does to a row: row-major L and `rest` rows × k, V k × cols.
struct LookAheadStep {
  const float *L, *rest, *V;
  std::int64_t k;
  float keep, take;
  bool sign;
};

/// Most columns that `cross` and `solve` take.
constexpr std::int64_t kMostBlockColumns = 32;

/// In the sweeps over a matrix, A is taken in blocks of `block_rows` or `streams.rows` rows; `scratch` holds
/// `skinny_scratch(block_rows, columns)` floats. Where `squares` is not null, Σa² of A is added to it: float32 sums of
/// 4·block_rows elements or fewer, added up in double.
struct LoopTable {
  const char* name;
  /// Y = A V; what is prefetched is the next piece of the rows, however far that is.
  void (*forward)(Rows A, Block V, Block Y, Streams streams, float* scratch);
  /// Z += Aᵀ U.
  void (*adjoint)(Rows A, Block U, Block Z, Streams streams, float* scratch, double* squares);
  /// Y = A V and Z += Aᵀ Y in one sweep over A; block_rows rows of A and the blocks should fit the cache of a core.
  void (*gram)(Rows A, Block V, Block Y, Block Z, int block_rows, float* scratch, double* squares);
  /// Y = Aᵀ V and Z += A Y for a panel A, which should fit the cache of a core beside its right neighbour: what follows
  /// in the rows is prefetched. V and Z are row-major with Y.columns floats a row.
  void (*gram_panel)(Rows A, const float* V, Block Y, float* Z, int block_rows, double* squares);
  /// y = scale·x to nearest for `count` elements: in float16 below 65520 in magnitude (larger ones give any y), in
  /// bfloat16 finite ones, in int8 the nearest of −128 … 127. With `stream` past the caches, for y at 64 bytes.
  NarrowSums (*narrow)(const float* x, void* y, Storage to, std::int64_t count, float scale, bool stream);
  /// Σx² of `count` elements; float32 sums of a few of them, added up in double.
  double (*squares)(const void* x, std::int64_t count, Storage storage);
  /// The largest Σx² of the columns, in double; NaN if one has a NaN.
  double (*largest_square)(Block X, std::int64_t rows);
  /// Upper triangle of G += XᵀX in double, for `rows` rows; G has X.columns numbers a row.
  void (*cross)(Block X, std::int64_t rows, double* G);
  /// X ← X R⁻¹ in double for upper triangular R, of X.columns numbers a row.
  void (*solve)(Block X, std::int64_t rows, const double* R);
  /// x = the standard Gaussian numbers `first` … `first + count - 1` of `key`, an odd one; `first` a multiple of 16.
  void (*gaussians)(float* x, std::int64_t count, std::uint64_t key, std::uint64_t first);
  /// b's update, if it is still to be done, and m = M where m is not null, for `count` elements.
  void (*momentum)(const float* g, float* b, float* m, std::int64_t count, const MomentumTerms& terms);
  /// W ← keep·W + L V, all row-major: W rows × n, L rows × k, V k × n.
  void (*low_rank_step)(float* W, std::int64_t rows, std::int64_t n, const float* L, const float* V, std::int64_t k,
                        float keep);
  /// W ← keep·W + take·sign(M + L V), likewise.
  void (*sign_step)(const float* M, std::int64_t rows, std::int64_t n, const float* L, const float* V, std::int64_t k,
                    float* W, float keep, float take);
  /// y ← keep·y + take·x.
  void (*blend)(float* y, const float* x, std::int64_t count, float keep, float take);
  /// Y = M V and Z += Mᵀ Y in one sweep over what M is made of, `block_rows` of it at a time, and total += ‖M‖_F²
  /// where that is not null. `scratch` holds `look_ahead_scratch(block_rows, V.columns, M.cols)` floats.
  void (*look_ahead_gram)(const LookAheadRows& M, const Block& V, const Block& Y, const Block& Z, int block_rows,
                          float* scratch, double* total);
  /// ‖M‖_F².
  double (*look_ahead_squares)(const LookAheadRows& M);
  /// W ← keep·W + L V + take·M, or with `sign` … + take·sign(M + rest·V), without a null `rest`; scratch: 8 rows of M,
  /// and at least `kLookAheadPiece` floats.
  void (*look_ahead_step)(const LookAheadRows& M, float* W, const LookAheadStep& step, float* scratch);
  /// Whether no element is NaN or infinite.
  bool (*all_finite)(const float* x, std::int64_t count);
  /// Rows `first` … `last` - 1 of Y = A X: X row-major with `width` numbers a row, Y by columns `stride` numbers apart.
  void (*sparse_rows)(const CompressedRows& A, std::int64_t first, std::int64_t last, const void* X, void* Y,
                      std::int64_t width, std::int64_t stride);
};

constexpr std::int64_t skinny_scratch(std::int64_t block_rows, std::int64_t columns) {
  return block_rows * (128 + columns);  // 8 accumulators of at most 16 lanes, and a row of Y
}

/// Elements that `look_ahead_step` takes at a time where rows do not matter.
constexpr std::int64_t kLookAheadPiece = 1024;
constexpr std::int64_t look_ahead_scratch(std::int64_t block_rows, std::int64_t columns, std::int64_t row) {
  return (block_rows * row + 15) / 16 * 16 + skinny_scratch(block_rows, columns);
}

extern const LoopTable kBaselineLoops;
#ifdef FANION_X86_KERNELS
extern const LoopTable kAvx2Loops;
extern const LoopTable kAvx512Loops;
#endif

}  // namespace fanion::kernels
