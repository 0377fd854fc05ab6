#include "fanion/norms/direction_rule.h"

#include <ATen/ops/stack.h>

#include "fanion/linalg/random_start.h"

namespace fanion::norms {

Direction DirectionRule::batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const {
  TORCH_CHECK_VALUE(layout == nullptr || !layout->is_spread(), name(),
                    " is not for sharded matrices: it needs each of them whole");
  std::vector<at::Tensor> dense, U, V, S;
  double coef = 0;
  for (int64_t i = 0; i < M.size(0); ++i) {
    auto of_this = warm == nullptr ? at::Tensor() : warm->select(0, i);
    auto D = direction(M[i], warm == nullptr ? nullptr : &of_this);
    if (const auto* part = capturing_term(D)) {
      coef = part->coef;
      U.push_back(part->U), V.push_back(part->V), S.push_back(part->S);
      std::erase_if(D.terms, [part](const Term& term) { return std::get_if<LowRankTerm>(&term) == part; });
    }
    dense.push_back(to_dense(D, M[i]));
  }
  Direction all{{DenseTerm{1, at::stack(dense)}}};
  if (!U.empty()) all.terms.emplace_back(LowRankTerm{coef, at::stack(U), at::stack(V), at::stack(S)});
  return all;
}

at::Tensor initial_warm_start(const DirectionRule& rule, int64_t m, int64_t n, const at::TensorOptions& like) {
  const auto dtype = like.dtype() == at::kDouble ? at::kDouble : at::kFloat;
  return linalg::random_block(n, rule.warm_columns(m, n), like.dtype(dtype).requires_grad(false), {});
}

}  // namespace fanion::norms
