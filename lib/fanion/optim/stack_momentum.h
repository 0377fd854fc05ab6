#pragma once

#include "fanion/optim/stack_lists.h"

namespace fanion::optim {

/// `update_momentum_` of every matrix of a stack; returns the matrices (b, m, n) that directions are taken at, a new
/// tensor. Some ten calls, however many matrices there are.
at::Tensor stack_momentum_(const Stack& stack);

/// `feed_back_` of every matrix of a stack, given the batched part that directions have captured.
void stack_feed_back_(const Stack& stack, const norms::LowRankTerm& part);

}  // namespace fanion::optim
