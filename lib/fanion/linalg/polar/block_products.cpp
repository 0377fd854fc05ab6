#include "fanion/linalg/polar/block_products.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>

#include <utility>
#include <vector>

#include "fanion/kernels/instruction_set.h"
#include "fanion/threads.h"

namespace fanion::linalg {
namespace {

/// Rows and columns of a tile: smaller ones multiply more slowly, larger ones leave more undone. Where tiles of AMX
/// multiply, what comes before and after the arithmetic counts for more.
int64_t side(at::ScalarType dtype) { return dtype == at::kBFloat16 && kernels::multiplies_tiles() ? 384 : 192; }

/// Rows or columns in equal pieces of about a tile's side, of whole cache lines but for the last.
struct Pieces {
  Pieces(int64_t length, at::ScalarType dtype) : all(length) {
    const int64_t tile = side(dtype), wanted = std::max<int64_t>((all + tile / 2) / tile, 1);
    size = ((all + wanted - 1) / wanted + 31) / 32 * 32;
  }
  int64_t count() const { return (all + size - 1) / size; }
  int64_t first(int64_t i) const { return i * size; }
  int64_t length(int64_t i) const { return std::min(size, all - i * size); }
  int64_t all, size = 0;
};

bool takes_tiles(const at::Tensor& A) {
  return A.dim() == 2 && A.device().is_cpu() && (A.scalar_type() == at::kFloat || A.scalar_type() == at::kBFloat16);
}

at::Tensor whole(const at::Tensor& A, const at::Tensor& B, double alpha, const at::Tensor& C, double beta) {
  if (C.defined()) return A.dim() == 2 ? at::addmm(C, A, B, beta, alpha) : at::baddbmm(C, A, B, beta, alpha);
  const auto AB = at::matmul(A, B);
  return alpha == 1 ? AB : at::mul(AB, alpha);
}

/// One tile of the same, into `out`.
void tile(at::Tensor out, const at::Tensor& A, const at::Tensor& B, double alpha, const at::Tensor& C, double beta) {
  if (C.defined()) {
    at::addmm_out(out, C, A, B, beta, alpha);
  } else {
    at::mm_out(out, A, B);
    if (alpha != 1) out.mul_(alpha);
  }
}

at::Tensor rows_of(const at::Tensor& X, const Pieces& pieces, int64_t i) {
  return X.narrow(0, pieces.first(i), pieces.length(i));
}
at::Tensor columns_of(const at::Tensor& X, const Pieces& pieces, int64_t i) {
  return X.narrow(1, pieces.first(i), pieces.length(i));
}

}  // namespace

at::Tensor product(const at::Tensor& A, const at::Tensor& B, double alpha, const at::Tensor& C, double beta) {
  const Pieces rows(A.size(-2), A.scalar_type()), columns(B.size(-1), A.scalar_type());
  const int64_t tiles = rows.count() * columns.count();
  if (!takes_tiles(A) || tiles < 4) return whole(A, B, alpha, C, beta);
  // In B's order, so that a matrix that is the transpose of rows comes out as one.
  const bool by_columns = B.stride(0) == 1 && B.stride(1) != 1;
  const auto out =
      by_columns ? at::empty({B.size(1), A.size(0)}, A.options()).t() : at::empty({A.size(0), B.size(1)}, A.options());
  in_threads(tiles, [&](int64_t t) {
    const int64_t i = t % rows.count(), j = t / rows.count();
    const auto of = [&](const at::Tensor& X) { return columns_of(rows_of(X, rows, i), columns, j); };
    tile(of(out), rows_of(A, rows, i), columns_of(B, columns, j), alpha, C.defined() ? of(C) : C, beta);
  });
  return out;
}

at::Tensor symmetric_product(const at::Tensor& A, const at::Tensor& B, double alpha, const at::Tensor& C, double beta) {
  const Pieces pieces(A.size(-2), A.scalar_type());
  if (!takes_tiles(A) || pieces.count() == 1) return whole(A, B, alpha, C, beta);
  const auto out = at::empty({A.size(0), A.size(0)}, A.options());
  std::vector<std::pair<int64_t, int64_t>> upper;
  for (int64_t i = 0; i < pieces.count(); ++i)
    for (int64_t j = i; j < pieces.count(); ++j) upper.emplace_back(i, j);
  in_threads(std::ssize(upper), [&](int64_t t) {
    const auto [i, j] = upper[t];
    const auto of = [&](const at::Tensor& X, int64_t r, int64_t c) {
      return columns_of(rows_of(X, pieces, r), pieces, c);
    };
    tile(of(out, i, j), rows_of(A, pieces, i), columns_of(B, pieces, j), alpha, C.defined() ? of(C, i, j) : C, beta);
    if (i != j) of(out, j, i).copy_(of(out, i, j).t());
  });
  return out;
}

double symmetric_share(int64_t m, at::ScalarType dtype) {
  const auto count = static_cast<double>(Pieces(m, dtype).count());
  return (count + 1) / (2 * count);
}

}  // namespace fanion::linalg
