#pragma once

#include "fanion/kernels/loops/step_loops.h"
#include "fanion/kernels/loops/sweep_loops.h"

/// Sweeps over a gradient and its momentum for which what Nesterov looks ahead to is formed a few rows at a time, in
/// the cache, and never written to memory. For loop_table.cpp alone, like loop_elements.h.
namespace fanion::kernels {
namespace {

/// m = M for `count` elements, after b's update, and ⟨m, v⟩.
float form_and_dot(const float* g, float* b, float* m, std::int64_t count, const MomentumTerms& terms, const float* v) {
  return with_terms(terms, [&]<bool Average, bool Ahead, bool Update>() {
    constexpr int kSums = 4;  // independent, so that additions need not wait for each other
    HalfLine sums[kSums] = {};
    int next = 0;
    const auto add = [&](const float* from, float* to, float* into, const float* along, std::int64_t i) {
      const HalfLine here = formed<Average, Ahead, Update>(from, to, i, terms);
      store<HalfLines>(into, i, here);
      return HalfLine(here * load<HalfLines>(along, i));
    };
    std::int64_t i = 0;
    for (; i + kSums * kHalf <= count; i += kSums * kHalf)
      for (int j = 0; j < kSums; ++j) sums[j] += add(g, b, m, v, i + j * kHalf);
    for_half_lines<Update>(g + i, b + i, m + i, v + i, count - i,
                           [&](const float* from, float* to, float* into, const float* along, std::int64_t at) {
                             sums[next++] += add(from, to, into, along, at);
                           });
    const HalfLine all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    float total = 0;
    for (int lane = 0; lane < kHalf; ++lane) total += all[lane];
    return total;
  });
}

/// One column: row by row, for then all that is in use but g and b stays in the first-level cache.
void look_ahead_gram_1(const LookAheadRows& M, const Block& V, const Block& Y, const Block& Z, float* scratch,
                       LaneSums* sums) {
  constexpr int kRows = 2;
  for (std::int64_t r = 0; r < M.rows; r += kRows) {
    const int rows = static_cast<int>(M.rows - r < kRows ? M.rows - r : kRows);
    float* m = M.kept != nullptr ? M.kept + r * M.cols : scratch;
    for (int i = 0; i < rows; ++i) {
      const std::int64_t from = (r + i) * M.cols;
      Y.data[r + i] = form_and_dot(M.g + from, M.b + from, m + i * M.cols, M.cols, M.terms, V.data);
    }
    const Rows A{m, rows, M.cols, M.cols, Storage::float32};
    adjoint_block<Storage::float32, Ahead::stream>(m, A, rows, Y.data + r, Z, kNear, sums);
  }
}

/// Several: while the products run, what the next block is formed from is prefetched, g by the first of them, b by the
/// second.
void look_ahead_gram_some(const LookAheadRows& M, const Block& V, const Block& Y, const Block& Z, int block_rows,
                          float* scratch, LaneSums* sums) {
  float* partial = scratch + (block_rows * M.cols + 15) / 16 * 16;
  float* y = partial + block_rows * kMostColumns * kLanes;
  for (std::int64_t r = 0; r < M.rows; r += block_rows) {
    const int rows = static_cast<int>(M.rows - r < block_rows ? M.rows - r : block_rows);
    const float* g = M.g + r * M.cols;
    float *b = M.b + r * M.cols, *m = M.kept != nullptr ? M.kept + r * M.cols : scratch;
    form(g, b, m, rows * M.cols, M.terms);
    const Rows A{m, rows, M.cols, M.cols, Storage::float32};
    const std::int64_t next = r + block_rows < M.rows ? rows * M.cols : 0;
    forward_block<Storage::float32, Source::formed>(m, A, rows, V, y, Y, r, partial, g + next - m);
    adjoint_block<Storage::float32, Ahead::next_block>(m, A, rows, y, Z, b + next - m, sums);
  }
}

/// Y = M V, Z += Mᵀ Y and `total` += ‖M‖_F², where that is not null.
void look_ahead_gram(const LookAheadRows& M, const Block& V, const Block& Y, const Block& Z, int block_rows,
                     float* scratch, double* total) {
  with_squares(total, [&](LaneSums* sums) {
    V.columns == 1 ? look_ahead_gram_1(M, V, Y, Z, scratch, sums)
                   : look_ahead_gram_some(M, V, Y, Z, block_rows, scratch, sums);
  });
}

/// ‖M‖_F².
double look_ahead_squares(const LookAheadRows& M) {
  const std::int64_t count = M.rows * M.cols;
  double total = 0;
  float piece[kLookAheadPiece];
  for (std::int64_t i = 0; i < count; i += kLookAheadPiece) {
    const std::int64_t part = count - i < kLookAheadPiece ? count - i : kLookAheadPiece;
    float* m = M.kept != nullptr ? M.kept + i : piece;
    form(M.g + i, M.b + i, m, part, M.terms);
    total += squares<Storage::float32>(m, part);
  }
  return total;
}

/// `count` elements of M from element i on: those kept, or formed in `scratch`.
FANION_INLINE const float* formed_or_kept(const LookAheadRows& M, std::int64_t i, std::int64_t count, float* scratch) {
  if (M.kept != nullptr) return M.kept + i;
  form(M.g + i, M.b + i, scratch, count, M.terms);
  return scratch;
}

/// w ← keep·w + L V + take·N(m + K V) for R rows, N the sign or nothing; K only with `Deflated`. Prefetches
/// what the next rows are formed from, `g` and `b`, where R > 1.
template <int R, bool Sign, bool Deflated>
FANION_INLINE void step_tile(const float* m, float* w, const LookAheadStep& s, const float* l, const float* rest,
                             std::int64_t n, const float* g, const float* b) {
  for_each_element<Lines>(n, [&](std::int64_t c, auto size) {
    using Size = decltype(size);
    typename Size::type sum[R], left[R];
    for (int i = 0; i < R; ++i) {
      if constexpr (R > 1) {
        __builtin_prefetch(g + i * n + c, 0, 2);
        __builtin_prefetch(b + i * n + c, 0, 2);
      }
      left[i] = load<Size>(m, i * n + c);
      sum[i] = s.keep * load<Size>(w, i * n + c);
      if constexpr (!Sign) sum[i] += s.take * left[i];
    }
    for (std::int64_t j = 0; j < s.k; ++j) {
      const auto along = load<Size>(s.V + j * n, c);
      for (int i = 0; i < R; ++i) {
        sum[i] += l[i * s.k + j] * along;
        if constexpr (Deflated) left[i] += rest[i * s.k + j] * along;
      }
    }
    for (int i = 0; i < R; ++i) {
      if constexpr (Sign) sum[i] += s.take * sign_of(left[i]);
      store<Size>(w, i * n + c, sum[i]);
    }
  });
}
/// One row, or with k = 0 one piece, after the other: then m stays in the first-level cache.
template <bool Sign, bool Deflated>
void step_row_by_row(const LookAheadRows& M, float* w, const LookAheadStep& s, float* scratch) {
  const std::int64_t n = s.k > 0 ? M.cols : kLookAheadPiece, count = M.rows * M.cols;
  for (std::int64_t i = 0, r = 0; i < count; i += n, ++r) {
    const std::int64_t part = count - i < n ? count - i : n;
    const float* m = formed_or_kept(M, i, part, scratch);
    step_tile<1, Sign, Deflated>(m, w + i, s, s.L + r * s.k, Deflated ? s.rest + r * s.k : nullptr, part, nullptr,
                                 nullptr);
  }
}
template <bool Sign, bool Deflated>
void step_by_rows(const LookAheadRows& M, float* w, const LookAheadStep& s, float* scratch) {
  constexpr int kRows = kLanes == 16 || !Deflated ? 8 : 4;
  const std::int64_t n = M.cols, whole = M.rows / kRows * kRows;
  for (std::int64_t r = 0; r < whole; r += kRows) {
    const float* m = formed_or_kept(M, r * n, kRows * n, scratch);
    const std::int64_t next = (r + kRows < whole ? r + kRows : r) * n;
    const float *g = M.kept != nullptr ? M.kept : M.g, *b = M.kept != nullptr ? M.kept : M.b;
    step_tile<kRows, Sign, Deflated>(m, w + r * n, s, s.L + r * s.k, Deflated ? s.rest + r * s.k : nullptr, n, g + next,
                                     b + next);
  }
  float* kept = M.kept != nullptr ? M.kept + whole * n : nullptr;
  const LookAheadRows left{M.g + whole * n, M.b + whole * n, kept, M.rows - whole, n, M.terms};
  LookAheadStep last = s;
  last.L += whole * s.k;
  if constexpr (Deflated) last.rest += whole * s.k;
  step_row_by_row<Sign, Deflated>(left, w + whole * n, last, scratch);
}
template <bool Sign, bool Deflated>
void step_rows(const LookAheadRows& M, float* w, const LookAheadStep& s, float* m) {
  s.k > 1 ? step_by_rows<Sign, Deflated>(M, w, s, m) : step_row_by_row<Sign, Deflated>(M, w, s, m);
}
void look_ahead_step(const LookAheadRows& M, float* w, const LookAheadStep& s, float* scratch) {
  if (!s.sign) return step_rows<false, false>(M, w, s, scratch);
  if (s.rest == nullptr) return step_rows<true, false>(M, w, s, scratch);
  step_rows<true, true>(M, w, s, scratch);
}

/// Whether no element is NaN or infinite: 0·x is then 0. Four parts at once: memory gives one stream two thirds of
/// that.
bool all_finite(const float* x, std::int64_t count) {
  constexpr int kParts = 4;
  const std::int64_t part = count / kParts / kLanes * kLanes;
  Vector sums[kParts] = {};
  for (std::int64_t i = 0; i < part; i += kLanes)
    for (int j = 0; j < kParts; ++j) sums[j] += 0 * *reinterpret_cast<const Vector*>(x + j * part + i);
  const Vector all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  float total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += all[lane];
  for (std::int64_t i = kParts * part; i < count; ++i) total += 0 * x[i];
  return total == 0;
}

}  // namespace
}  // namespace fanion::kernels
