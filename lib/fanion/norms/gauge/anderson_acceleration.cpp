#include "fanion/norms/gauge/anderson_acceleration.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <vector>

namespace fanion::norms {
namespace {

constexpr std::size_t kMemory = 10;  // steps that are combined at most
// Plain steps after a return, and how many more each time that it leads nowhere, up to a most: by trial on random sums
// of two and three norms.
constexpr int64_t kPlainSteps = 2, kMorePlainSteps = 5, kMostPlainSteps = 40;
constexpr double kLargestWeight = 1e4;  // norm of the weights: beyond, the steps they combine are parallel to rounding

}  // namespace

AndersonAcceleration::AndersonAcceleration() : next_plain_steps_(kMorePlainSteps) {}

at::Tensor AndersonAcceleration::next(const at::Tensor& W, const at::Tensor& plain) {
  const auto residual = plain - W;
  const double size = at::linalg_vector_norm(residual).item<double>();
  if (size > 2 * least_residual_) {
    const bool came_nearer = least_residual_ < 0.99 * residual_of_last_return_;
    residual_of_last_return_ = least_residual_;
    forget();
    plain_steps_ = came_nearer ? kPlainSteps : next_plain_steps_;
    next_plain_steps_ = came_nearer ? kMorePlainSteps : std::min(next_plain_steps_ + kMorePlainSteps, kMostPlainSteps);
    return best_plain_;
  }
  if (size < least_residual_) least_residual_ = size, best_plain_ = plain;
  if (plain_steps_ > 0) {
    --plain_steps_;
    return plain;
  }
  if (last_plain_.defined()) {
    steps_.push_back((plain - last_plain_).flatten());
    residual_steps_.push_back((residual - last_residual_).flatten());
    if (steps_.size() > kMemory) steps_.pop_front(), residual_steps_.pop_front();
  }
  last_plain_ = plain, last_residual_ = residual;
  if (steps_.empty()) return plain;
  const auto R = at::stack(std::vector<at::Tensor>(residual_steps_.begin(), residual_steps_.end()));
  auto gram = at::matmul(R, R.t());
  gram.diagonal().add_(1e-10 * gram.trace());  // steps that are nearly parallel
  if (!(gram.trace().item<double>() > 0)) return plain;
  const auto weights = at::linalg_solve(gram, at::matmul(R, residual.flatten()));
  if (!(at::linalg_vector_norm(weights).item<double>() < kLargestWeight)) {
    forget();
    return plain;
  }
  const auto steps = at::stack(std::vector<at::Tensor>(steps_.begin(), steps_.end()));
  return plain - at::matmul(weights, steps).view_as(plain);
}

void AndersonAcceleration::start_again() {
  forget();
  residual_of_last_return_ = std::numeric_limits<double>::infinity();
}

void AndersonAcceleration::forget() {
  steps_.clear(), residual_steps_.clear();
  last_plain_ = at::Tensor();
  least_residual_ = std::numeric_limits<double>::infinity();
}

}  // namespace fanion::norms
