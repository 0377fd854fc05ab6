#include "fanion/linalg/svd/half_step.h"

#include <algorithm>
#include <cmath>

#include "fanion/host_numbers.h"
#include "fanion/linalg/svd/block_split.h"

namespace fanion::linalg {
namespace {

constexpr double kLeastValue = 0.03;  // of σ₁: below, AᵀA V has lost more than 1e-4 of what it should tell in float32
constexpr int64_t kFew = 24;          // u_i that cost next to nothing; more than a block beside k add little

}  // namespace

std::optional<HalfStep> half_step(const HalfStepTerms& terms, int64_t k) {
  const auto& seen = terms.seen;
  const auto& sigma = seen.S;
  const int64_t p = seen.Q.rows(), b = terms.left.rows(), most = std::min(p, std::max(k + b, kFew));
  int64_t j = 0;
  while (j < most && sigma[j] > kLeastValue * sigma[0]) ++j;
  if (j < k) return std::nullopt;

  SmallMatrix whitened(p, j), last(b, j);  // QΘ^-½, and its last rows
  for (int64_t row = 0; row < p; ++row)
    for (int64_t i = 0; i < j; ++i) whitened[row][i] = seen.Q[row][i] / sigma[i];
  for (int64_t row = 0; row < b; ++row) std::copy_n(whitened[p - b + row], j, last[row]);
  const auto leaving = transposed_product(last, terms.left * last);  // LᵀL
  auto projected = leaving;
  for (int64_t i = 0; i < j; ++i) projected[i][i] += sigma[i] * sigma[i];
  auto turned = from_gram(projected, false).Q.first_columns(k);
  const auto [U, R] = thin_qr(terms.image(whitened * turned));
  solve_right(turned, R);  // rounding makes R what is not quite the identity
  SmallMatrix scaled = turned;
  for (int64_t i = 0; i < j; ++i)
    for (int64_t l = 0; l < k; ++l) scaled[i][l] *= sigma[i] * sigma[i];
  const auto ritz = rayleigh_ritz(terms.adjoint(whitened * turned, whitened * scaled));
  HalfStep half;
  half.triplets.U = ritz.turn(U);
  half.triplets.S = to_tensor(ritz.S, U.options());
  half.sigma = ritz.S;
  half.triplets.V = ritz.U;
  ritz.turn(turned);
  half.leaving = lengths(leaving, turned);
  return half;
}

SvdBounds half_step_bounds(HalfStep& half, const EigenvalueBounds& upper, double relation_error) {
  const auto& S = half.sigma;
  const double largest = upper.upper[0], rounding = relation_error * largest;
  auto theta = S, eigen = half.leaving, residuals = S;
  for (std::size_t i = 0; i < S.size(); ++i) {
    theta[i] *= theta[i];
    eigen[i] *= std::sqrt(largest);
    residuals[i] =
        std::min((eigen[i] + kBlurredRelation * rounding) / S[i], std::sqrt(std::max(largest - theta[i], rounding)));
  }
  half.triplets.report.residuals = to_tensor(residuals, at::kDouble);
  return svd_bounds(theta, eigen, upper, relation_error);
}

}  // namespace fanion::linalg
