#include "fanion/norms/direction_rule.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/stack.h>

#include <algorithm>

#include "fanion/linalg/random_start.h"

namespace fanion::norms {

namespace {

/// The terms as one, those with fewer columns than others with zeros in place of them.
LowRankTerm stacked(const std::vector<LowRankTerm>& parts) {
  int64_t k = 0;
  for (const auto& part : parts) k = std::max(k, part.S.size(0));
  std::vector<at::Tensor> U, V, S;
  for (const auto& part : parts) {
    const int64_t more = k - part.S.size(0);
    U.push_back(at::constant_pad_nd(part.U, {0, more}));
    V.push_back(at::constant_pad_nd(part.V, {0, more}));
    S.push_back(at::constant_pad_nd(part.S.to(at::kDouble), {0, more}));
  }
  return {parts[0].coef, at::stack(U), at::stack(V), at::stack(S)};
}

}  // namespace

Direction DirectionRule::batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const {
  TORCH_CHECK_VALUE(layout == nullptr || !layout->is_spread(), name(),
                    " is not for sharded matrices: it needs each of them whole");
  std::vector<at::Tensor> dense;
  std::vector<LowRankTerm> parts;
  for (int64_t i = 0; i < M.size(0); ++i) {
    auto of_this = warm == nullptr ? at::Tensor() : warm->select(0, i);
    auto D = direction(M[i], warm == nullptr ? nullptr : &of_this);
    if (const auto* part = capturing_term(D)) {
      parts.push_back(*part);
      std::erase_if(D.terms, [part](const Term& term) { return std::get_if<LowRankTerm>(&term) == part; });
    }
    dense.push_back(to_dense(D, M[i]));
  }
  Direction all{{DenseTerm{1, at::stack(dense)}}};
  if (!parts.empty()) all.terms.emplace_back(stacked(parts));
  return all;
}

at::Tensor initial_warm_start(const DirectionRule& rule, int64_t m, int64_t n, const at::TensorOptions& like) {
  const auto dtype = like.dtype() == at::kDouble ? at::kDouble : at::kFloat;
  return linalg::random_block(n, rule.warm_columns(m, n), like.dtype(dtype).requires_grad(false), {});
}

}  // namespace fanion::norms
