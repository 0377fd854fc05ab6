#include "fanion/norms/direction_rule.h"

#include <ATen/ops/stack.h>

#include "fanion/linalg/random_start.h"

namespace fanion::norms {

Direction DirectionRule::batch_direction(const at::Tensor& M, at::Tensor* warm) const {
  std::vector<at::Tensor> dense;
  for (int64_t i = 0; i < M.size(0); ++i) {
    auto of_this = warm == nullptr ? at::Tensor() : warm->select(0, i);
    dense.push_back(to_dense(direction(M[i], warm == nullptr ? nullptr : &of_this), M[i]));
  }
  return {{DenseTerm{1, at::stack(dense)}}};
}

at::Tensor initial_warm_start(const DirectionRule& rule, int64_t m, int64_t n, const at::TensorOptions& like) {
  const auto dtype = like.dtype() == at::kDouble ? at::kDouble : at::kFloat;
  return linalg::random_block(n, rule.warm_columns(m, n), like.dtype(dtype).requires_grad(false), {});
}

}  // namespace fanion::norms
