#include "fanion/norms/jacobi_svd.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addcmul.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/atan2.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/roll.h>
#include <ATen/ops/where.h>

#include <bit>
#include <limits>

namespace fanion::norms {
namespace {

/// After which columns are orthogonal up to rounding: measured on Gaussian, graded and clustered matrices.
int64_t sweeps_for(int64_t k, at::ScalarType wanted) {
  if (k == 2) return wanted == at::kDouble ? 2 : 1;
  return 2 + static_cast<int64_t>(std::bit_width(static_cast<uint64_t>(k))) - (wanted == at::kDouble ? 0 : 1);
}

/// Places of the columns for the next round: the first stays, the others go round, so that all meet all.
at::Tensor round_robin(int64_t columns, const at::TensorOptions& like) {
  const int64_t half = columns / 2;
  const auto run = [&](int64_t from, int64_t to) { return at::arange(from, to, like.dtype(at::kLong)); };
  return at::cat({run(0, 1), run(half, half + 1), run(1, half - 1), run(half + 1, columns), run(half - 1, half)});
}

/// The columns of Z (b, rows, 2h) with column i turned against column i + h so that their first `rows_seen` entries
/// become orthogonal. Angles are at most π/4, by which sweeps converge; of one pair, for which they need not, the
/// first becomes the longer.
at::Tensor turned(const at::Tensor& Z, int64_t rows_seen) {
  const int64_t half = Z.size(2) / 2;
  const auto A = Z.narrow(1, 0, rows_seen), gram = at::bmm(A.mT(), A), squares = gram.diagonal(0, 1, 2);
  const auto excess = squares.narrow(1, 0, half) - squares.narrow(1, half, half);
  const auto twice = gram.diagonal(half, 1, 2) * 2;
  const auto angle =
      half == 1 ? at::atan2(twice, excess) * 0.5 : at::atan2(at::where(excess < 0, -twice, twice), excess.abs()) * 0.5;
  const auto angles = at::cat({angle, -angle}, 1).unsqueeze(1);
  return at::addcmul(Z * angles.cos(), Z.roll(half, 2), angles.sin());
}

}  // namespace

JacobiSvd jacobi_svd(const at::Tensor& R, at::ScalarType wanted) {
  const int64_t k = R.size(2), columns = k + k % 2;
  if (k == 1) return {at::ones_like(R), R.abs().squeeze(2), R.sign()};
  const auto padded = columns == k ? R : at::constant_pad_nd(R, {0, 1, 0, 1});
  auto Z = at::cat({padded.mT(), at::eye(columns, R.options()).expand_as(padded)}, 1);
  const auto places = columns > 2 ? round_robin(columns, R.options()) : at::Tensor();
  for (int64_t round = 0; round < sweeps_for(k, wanted) * (columns - 1); ++round) {
    Z = turned(Z, columns);
    if (places.defined()) Z = at::index_select(Z, 2, places);
  }
  const auto lengths = at::linalg_vector_norm(Z.narrow(1, 0, columns), 2, {{1}});
  const auto [sorted, order] = lengths.sort(/*stable=*/true, /*dim=*/1, /*descending=*/true);
  Z = Z.gather(2, order.unsqueeze(1).expand_as(Z)).narrow(2, 0, k);
  const auto S = sorted.narrow(1, 0, k);
  const auto V = Z.narrow(1, 0, k) / S.clamp_min(std::numeric_limits<double>::min()).unsqueeze(1);
  return {Z.narrow(1, columns, k), S, V};
}

}  // namespace fanion::norms
