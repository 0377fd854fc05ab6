#include "fanion/norms/spread_newton_schulz.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <algorithm>

#include "fanion/dtype_limits.h"
#include "fanion/linalg/polar/block_products.h"
#include "fanion/linalg/polar/gram_newton_schulz.h"
#include "fanion/norms/batch_triplets.h"

namespace fanion::norms {

bool takes_spread_newton_schulz(const MatrixLayout& layout, const linalg::NewtonSchulzOptions& options) {
  const auto of = layout.m > layout.n ? layout.transposed() : layout;
  if (of.over_rows || !of.over_columns) return false;
  const auto steps = linalg::step_coefficients(options);
  const auto runs = std::ssize(linalg::gram_restarts(steps, at::kFloat)) + 1;
  if (runs > 1 && runs == std::ssize(steps)) return false;
  return runs * of.m * of.m < of.m * of.n / of.columns.blocks;
}

at::Tensor spread_newton_schulz(const at::Tensor& M, const linalg::NewtonSchulzOptions& options,
                                const MatrixLayout& layout) {
  const bool is_tall = layout.m > layout.n;
  const auto of = is_tall ? layout.transposed() : layout;
  const auto complete = [&](at::Tensor gram) { return summed_over_columns(std::move(gram), &of); };
  const auto own = working_batch(is_tall ? M.mT() : M);
  const auto size =
      slice_norms(own, {-2, -1}, &of).clamp_min(std::max(options.eps, smallest_normal(own.scalar_type())));
  auto X = own / size.to(own.scalar_type());
  if (options.norm == linalg::NewtonSchulzNorm::schatten_4) {
    const auto gram = complete(linalg::symmetric_product(X, X.mT()));
    const auto square = at::linalg_vector_norm(gram, 2, {{-2, -1}}, /*keepdim=*/true);
    X = X / at::where(square > 0, square, at::ones_like(square)).sqrt();
  }
  const auto result = linalg::gram_newton_schulz(X, linalg::step_coefficients(options), {}, complete);
  return is_tall ? result.mT() : result;
}

}  // namespace fanion::norms
