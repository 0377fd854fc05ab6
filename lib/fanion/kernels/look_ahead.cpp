#include "fanion/kernels/look_ahead.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "fanion/kernels/caches.h"
#include "fanion/kernels/dense_steps.h"
#include "fanion/kernels/large_pages.h"
#include "fanion/kernels/loops/skinny_blocks.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/kernels/written.h"
#include "fanion/threads.h"

namespace fanion::kernels {
namespace {

constexpr int64_t kFormedRows = 8;  // of M that a step forms at a time

/// Rows of M at a time for products with `columns` vectors: the cache holds them beside what the next are formed from.
int formed_rows(const at::Tensor& g, int64_t columns) {
  return gram_block_rows({nullptr, g.size(0), g.size(1), g.size(1), Storage::float32},
                         std::clamp<int64_t>(columns, 1, kGramColumns), /*times=*/3);
}

MomentumTerms terms_of(const LookAhead& M, bool update) {
  const auto mu = static_cast<float>(M.mu), rest = static_cast<float>(1 - M.mu);
  if (M.feedback) return {mu, rest, /*average=*/false, M.ahead, update, M.average ? rest : 1, /*decay=*/1};
  return {mu, rest, M.average, M.ahead, update};
}

LookAheadRows rows_of(const LookAhead& M, bool update) {
  float* b = update ? written(M.B) : const_cast<float*>(M.B.const_data_ptr<float>());
  float* kept = M.kept.defined() ? M.kept.data_ptr<float>() : nullptr;
  return {M.g.const_data_ptr<float>(), b, kept, M.g.size(0), M.g.size(1), terms_of(M, update)};
}
LookAheadRows rows_from(const LookAheadRows& M, int64_t first, int64_t count) {
  const int64_t from = first * M.cols;
  return {M.g + from, M.b + from, M.kept == nullptr ? nullptr : M.kept + from, count, M.cols, M.terms};
}

/// Y = M V, Z = Mᵀ Y for at most kGramColumns columns.
void sweep(const LookAhead& M, bool update, const Block& V, const Block& Y, const Block& Z, double* squares) {
  const auto rows = rows_of(M, update);
  const auto chunks = chunks_of(rows.rows, V.columns, kChunkRows);
  const int block_rows = formed_rows(M.g, V.columns);
  ChunkSquares sums(squares, chunks);
  sum_of_chunks(chunks, Z, rows.cols, look_ahead_scratch(block_rows, V.columns, rows.cols),
                [&](int64_t i, Block z, float* scratch) {
                  const auto part = rows_from(rows, chunks.first(i), chunks.length(i));
                  const auto y = rows_from(Y, chunks.first(i));
                  loops_in_use().look_ahead_gram(part, V, y, z, block_rows, scratch, sums.of(i));
                });
  sums.add_up();
}

/// Row-major factor·X, float32.
at::Tensor row_major_floats(const at::Tensor& X, double factor) {
  const auto floats = X.to(at::kFloat);
  return (factor == 1 ? floats : floats * factor).contiguous();
}

}  // namespace

bool takes_look_ahead(const LookAhead& M) {
  return alike_in_memory(M.B, M.g) && M.g.dim() == 2 && M.g.is_contiguous() && M.g.numel() > 0 &&
         formed_rows(M.g, kGramColumns) > 0;
}

std::pair<at::Tensor, at::Tensor> look_ahead_gram(const LookAhead& M, bool update, const at::Tensor& V,
                                                  double* squares) {
  TORCH_INTERNAL_ASSERT(takes_look_ahead(M) && V.size(1) > 0);
  auto Y = empty_block(M.g.size(0), V.size(1)), Z = empty_block(M.g.size(1), V.size(1));
  for_each_sweep(V.size(1), [&](int64_t first, int64_t width) {
    const auto part = [&](const at::Tensor& X) { return width == V.size(1) ? X : X.narrow(1, first, width); };
    const auto v = in_block_layout(part(V));
    sweep(M, update && first == 0, block_of(v), block_of(part(Y)), block_of(part(Z)), first == 0 ? squares : nullptr);
  });
  return {std::move(Y), std::move(Z)};
}

double look_ahead_squares(const LookAhead& M, bool update) {
  TORCH_INTERNAL_ASSERT(takes_look_ahead(M));
  const auto rows = rows_of(M, update);
  const auto chunks = chunks_of(rows.rows, 1, kChunkRows);
  double squares = 0;
  ChunkSquares sums(&squares, chunks);
  for_each_chunk(chunks, 0, [&](int64_t i, float*) {
    *sums.of(i) = loops_in_use().look_ahead_squares(rows_from(rows, chunks.first(i), chunks.length(i)));
  });
  sums.add_up();
  return squares;
}

void look_ahead_step_(const at::Tensor& W, const LookAhead& M, bool update, double keep, const LookAheadTerms& terms) {
  TORCH_INTERNAL_ASSERT(takes_look_ahead(M) && alike_in_memory(W, M.g) && (terms.sign || !terms.K.defined()));
  const int64_t k = terms.L.defined() ? terms.L.size(1) : 0, n = W.size(1);
  const auto none = at::empty({0}, at::kFloat);
  const auto L = k > 0 ? row_major_floats(terms.L, 1) : none, V = k > 0 ? row_major_floats(terms.V.t(), 1) : none;
  const auto K = k > 0 && terms.K.defined() ? row_major_floats(terms.K, -1) : none;
  const auto *l = L.const_data_ptr<float>(), *v = V.const_data_ptr<float>();
  const auto* rest = K.numel() > 0 ? K.const_data_ptr<float>() : nullptr;
  const auto rows = rows_of(M, update);
  auto* w = written(W);
  const auto chunks = chunks_of(W.size(0), 1, kChunkRows);
  for_each_chunk(chunks, std::max(kFormedRows * n, kLookAheadPiece), [&](int64_t i, float* scratch) {
    const int64_t first = chunks.first(i);
    const LookAheadStep step{.L = l + first * k,
                             .rest = rest == nullptr ? nullptr : rest + first * k,
                             .V = v,
                             .k = k,
                             .keep = static_cast<float>(keep),
                             .take = static_cast<float>(terms.take),
                             .sign = terms.sign};
    loops_in_use().look_ahead_step(rows_from(rows, first, chunks.length(i)), w + first * n, step, scratch);
  });
}

at::Tensor room_in_last_cache(const at::Tensor& g) {
  return 4 * g.numel() <= kLastCache ? empty_in_large_pages(g.sizes(), g.options().requires_grad(false)) : at::Tensor();
}

at::Tensor formed(const LookAhead& M) {
  TORCH_INTERNAL_ASSERT(alike_in_memory(M.B, M.g));
  if (!M.ahead) return M.B;
  const auto matrix = empty_in_large_pages(M.B.sizes(), M.B.strides(), M.B.options());
  const auto rows = rows_of(M, false);
  auto* m = matrix.data_ptr<float>();
  at::parallel_for(0, M.B.numel(), kThreadShare, [&](int64_t begin, int64_t end) {
    loops_in_use().momentum(rows.g + begin, rows.b + begin, m + begin, end - begin, rows.terms);
  });
  return matrix;
}

}  // namespace fanion::kernels
