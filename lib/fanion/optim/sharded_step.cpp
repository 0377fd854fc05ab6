#include "fanion/optim/sharded_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <functional>

#include "fanion/distributed/by_owners.h"
#include "fanion/distributed/sums/shared_sums.h"
#include "fanion/kernels/caches.h"
#include "fanion/optim/adapt.h"
#include "fanion/optim/matrix_view.h"
#include "fanion/optim/stack_lists.h"

namespace fanion::optim {
namespace {

/// A matrix and how it is spread.
struct Block {
  const MatrixStep* step;
  distributed::Spread matrix;
  norms::MatrixLayout layout;

  const LmoStepOptions& options() const { return step->settings->step; }
  const norms::DirectionRule& rule() const { return *step->settings->rule; }
};
using Blocks = std::vector<const Block*>;

bool spread_alike(const distributed::Spread& a, const distributed::Spread& b) {
  return a.sizes == b.sizes && std::ranges::equal(a.axes, b.axes, [](const auto& x, const auto& y) {
           return x.dimension == y.dimension && x.group == y.group && (!x.splits() || x.sizes == y.sizes);
         });
}

/// Whether two blocks may be parts of one batch, on every process or on none.
bool of_one_batch(const Block& a, const Block& b) {
  return spread_alike(a.matrix, b.matrix) && a.step->W.scalar_type() == b.step->W.scalar_type() &&
         a.step->W.device() == b.step->W.device() && a.rule().name() == b.rule().name() &&
         same_but_for_numbers(a.options(), b.options());
}

std::vector<Blocks> batches_of(const Blocks& blocks) {
  std::vector<Blocks> batches;
  for (const auto* block : blocks) {
    const auto found = std::ranges::find_if(batches, [&](const Blocks& b) { return of_one_batch(*b[0], *block); });
    (found == batches.end() ? batches.emplace_back() : *found).push_back(block);
  }
  return batches;
}

/// Whether a batch goes on side by side with others. On the CPU that pays where momenta stay in a cache meanwhile: a
/// quarter of the last one, were they even, so that all processes say the same.
bool shares_sums(const Blocks& batch) {
  const auto& matrix = batch[0]->matrix;
  auto bytes = 4.0 * static_cast<double>(batch.size()) * static_cast<double>(matrix.sizes[0] * matrix.sizes[1]);
  for (const auto& axis : matrix.axes)
    if (axis.splits()) bytes /= static_cast<double>(axis.sizes.size());
  return !batch[0]->step->W.device().is_cpu() || 4 * bytes <= static_cast<double>(kernels::kLastCache);
}

/// A block that has no rows or columns gets one of zeros, which adds nothing to any sum.
at::Tensor padded(const at::Tensor& X) {
  if (X.numel() > 0 || X.dim() < 2) return X;
  return at::constant_pad_nd(X, {0, X.size(-1) == 0, 0, X.size(-2) == 0});
}

/// One tensor of each, as a batch.
template <class Get>
at::Tensor batch_of(const Blocks& blocks, Get&& get) {
  std::vector<at::Tensor> all;
  for (const auto* block : blocks) all.push_back(padded(get(*block)));
  return at::stack(all);
}

/// State of each ← what the batch has for it.
void keep(const Blocks& blocks, std::string_view kind, const at::Tensor& batch) {
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (const auto state = state_of(*blocks[i]->step, kind); state.numel() > 0)
      state.copy_(batch[static_cast<int64_t>(i)]);
}

/// Matrix i of a tensor of a batch's term; a scale for all of them stays.
at::Tensor of_matrix(const at::Tensor& X, int64_t i) {
  if (!X.defined() || X.dim() == 0) return X;
  const auto own = X[i];
  return own.numel() == 1 && own.dim() == 2 ? own.squeeze() : own;
}

norms::Direction of_matrix(const norms::Direction& D, int64_t i) {
  struct Take {
    int64_t i;
    norms::Term operator()(const norms::LowRankTerm& t) const {
      return norms::LowRankTerm{t.coef, t.U[i], t.V[i], t.S.defined() ? t.S[i] : t.S};
    }
    norms::Term operator()(const norms::ScaledTerm& t) const {
      return norms::ScaledTerm{t.coef, t.M[i], of_matrix(t.scale, i)};
    }
    norms::Term operator()(const norms::DenseTerm& t) const { return norms::DenseTerm{t.coef, t.D[i]}; }
    norms::Term operator()(const norms::ResidualTerm& t) const {
      const auto factor = [&](const at::Tensor& X) { return X.defined() ? X[i] : X; };
      return norms::ResidualTerm{t.coef, t.map, t.M[i], factor(t.L), factor(t.V), of_matrix(t.scale, i)};
    }
  };
  norms::Direction own;
  for (const auto& term : D.terms) own.terms.push_back(std::visit(Take{i}, term));
  return own;
}

/// D by a running mean of its squares, of all blocks of a batch; `like`: their M.
void adapt_batch(const Blocks& blocks, norms::Direction& D, const at::Tensor& like) {
  const auto& o = blocks[0]->options();
  if (o.adapt == Adapt::none) return;
  auto v = batch_of(blocks, [](const Block& b) { return state_of(*b.step, "second_moment"); });
  std::vector<double> betas;
  for (const auto* block : blocks) betas.push_back(block->options().adapt_beta);
  D = adapted(D, o.adapt, v, spread_numbers(betas, v), like, &blocks[0]->layout);
  keep(blocks, "second_moment", v);
}

/// W ← √m·W/‖W‖_F of each.
void retract_batch(const Blocks& blocks) {
  if (!blocks[0]->options().normalize_weights) return;
  std::vector<at::Tensor> squares;
  for (const auto* block : blocks)
    squares.push_back(at::linalg_vector_norm(block->step->W, 2, {}, /*keepdim=*/false, at::kDouble).square());
  const auto& layout = blocks[0]->layout;
  const auto norms = norms::summed_over_columns(norms::summed_over_rows(at::stack(squares), &layout), &layout).sqrt();
  const auto factors = retraction(norms, layout.m);
  for (std::size_t i = 0; i < blocks.size(); ++i) blocks[i]->step->W.mul_(factors[static_cast<int64_t>(i)]);
}

/// The stages after the direction, D of the batch.
void finish(const Blocks& blocks, norms::Direction D, const at::Tensor& M) {
  const auto part = stages::captured(*blocks[0]->step, D);
  adapt_batch(blocks, D, M);
  stages::rescale(*blocks[0]->step, D);
  for (std::size_t i = 0; i < blocks.size(); ++i)
    if (blocks[i]->step->W.numel() > 0) stages::apply(*blocks[i]->step, of_matrix(D, static_cast<int64_t>(i)));
  for (std::size_t i = 0; part && i < blocks.size(); ++i) {
    const auto at = static_cast<int64_t>(i);
    const auto [rows, columns] = matrix_shape(blocks[i]->step->W, blocks[i]->options().transposed);
    const auto U = part->U[at].narrow(0, 0, rows), V = part->V[at].narrow(0, 0, columns);
    stages::feed_back(*blocks[i]->step, norms::LowRankTerm{1, U, V, part->S[at]}, &blocks[i]->layout);
  }
  retract_batch(blocks);
}

void step_batch(const Blocks& blocks) {
  const auto M = batch_of(blocks, [](const Block& b) { return stages::momentum(*b.step); });
  auto warm = batch_of(blocks, [](const Block& b) { return state_of(*b.step, "warm_start"); });
  const bool keeps = state_of(*blocks[0]->step, "warm_start").size(1) > 0;
  auto D = blocks[0]->rule().batch_direction(M, keeps ? &warm : nullptr, &blocks[0]->layout);
  if (keeps) keep(blocks, "warm_start", warm);
  finish(blocks, std::move(D), M);
}

/// M and the warm start, which is split as M's columns are.
distributed::OwnedWork direction_work(const Block& block) {
  std::vector<int64_t> of_M, of_warm;
  for (const auto& axis : block.matrix.axes) {
    of_M.push_back(axis.dimension);
    of_warm.push_back(axis.dimension == 1 ? 0 : -1);
  }
  distributed::OwnedWork work{&block.matrix, {{stages::momentum(*block.step), of_M}}, {}};
  if (const auto warm = state_of(*block.step, "warm_start"); warm.size(1) > 0) work.parts.push_back({warm, of_warm});
  work.run = [&block](const std::vector<at::Tensor>& whole) -> std::vector<at::Tensor> {
    auto next = whole.size() > 1 ? whole[1].clone() : at::Tensor();
    auto D = norms::to_dense(block.rule().direction(whole[0], next.defined() ? &next : nullptr), whole[0]);
    return next.defined() ? std::vector{D, next} : std::vector{D};
  };
  return work;
}

void step_by_owners(const Blocks& blocks) {
  std::vector<distributed::OwnedWork> works;
  for (const auto* block : blocks) works.push_back(direction_work(*block));
  const auto found = distributed::by_owners(works);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const auto D = padded(found[i][0]).unsqueeze(0);
    if (found[i].size() > 1) state_of(*blocks[i]->step, "warm_start").copy_(found[i][1]);
    finish({blocks[i]}, {{norms::DenseTerm{1, D}}}, D);
  }
}

}  // namespace

void step_sharded(const std::vector<MatrixStep>& steps) {
  std::vector<Block> blocks;
  for (const auto& step : steps) {
    auto matrix = distributed::as_matrix(*step.spread, step.settings->step.transposed);
    auto layout = distributed::layout_of(matrix);
    blocks.push_back({&step, std::move(matrix), std::move(layout)});
  }
  Blocks by_blocks, by_owners;
  for (const auto& block : blocks) (block.rule().takes_blocks(block.layout) ? by_blocks : by_owners).push_back(&block);
  std::vector<std::function<void()>> side_by_side;
  std::vector<Blocks> alone;
  for (auto& batch : batches_of(by_blocks)) {
    if (shares_sums(batch))
      side_by_side.emplace_back([batch] { step_batch(batch); });
    else
      alone.push_back(std::move(batch));
  }
  if (!side_by_side.empty()) distributed::with_shared_sums(side_by_side, by_blocks[0]->step->W.device());
  for (const auto& batch : alone) step_batch(batch);
  step_by_owners(by_owners);
}

}  // namespace fanion::optim
