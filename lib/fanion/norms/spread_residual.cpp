#include "fanion/norms/spread_residual.h"

#include <ATen/TensorOperators.h>

#include "fanion/dtype_limits.h"

namespace fanion::norms {
namespace {

/// R over its norms along these dims, times the term's scale.
Term divided(const ResidualTerm& term, at::IntArrayRef dims, const MatrixLayout& layout) {
  const auto R = residual_of(term);
  auto factor = slice_norms(R, dims, &layout).clamp_min(smallest_normal(R.scalar_type())).reciprocal();
  if (term.scale.defined()) factor = factor * term.scale;
  if (dims.size() == 2) return ScaledTerm{term.coef, R, factor};
  return DenseTerm{term.coef, R * factor.to(R.scalar_type())};
}

}  // namespace

Term spread_residual(const ResidualTerm& term, const MatrixLayout* layout) {
  if (layout == nullptr || !layout->is_spread()) return term;
  switch (term.map) {
    case ResidualMap::row_norm: return divided(term, {-1}, *layout);
    case ResidualMap::col_norm: return divided(term, {-2}, *layout);
    case ResidualMap::frobenius: return divided(term, {-2, -1}, *layout);
    case ResidualMap::sign:
    case ResidualMap::clip: return term;
    case ResidualMap::newton_schulz: break;
  }
  TORCH_INTERNAL_ASSERT(false);
}

}  // namespace fanion::norms
