#include "fanion/norms/direction_rule.h"

#include "fanion/linalg/random_start.h"

namespace fanion::norms {

at::Tensor initial_warm_start(const DirectionRule& rule, int64_t m, int64_t n, const at::TensorOptions& like) {
  const auto dtype = like.dtype() == at::kDouble ? at::kDouble : at::kFloat;
  return linalg::random_block(n, rule.warm_columns(m, n), like.dtype(dtype).requires_grad(false), {});
}

}  // namespace fanion::norms
