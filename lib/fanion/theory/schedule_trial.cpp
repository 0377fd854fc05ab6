#include "fanion/theory/schedule_trial.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <limits>

#include "fanion/optim/step.h"
#include "fanion/theory/smoothness.h"

namespace fanion::theory {

ScheduleTrial try_schedule(const LeastSquares& objective, const norms::NormPtr& norm, const at::Tensor& X1,
                           const ProblemConstants& problem, const StepSizes& sizes, at::Generator generator) {
  TORCH_CHECK_VALUE(sizes.K <= std::numeric_limits<int32_t>::max(), "K = ", sizes.K, " steps are too many to try");
  const auto K = static_cast<int64_t>(sizes.K);
  const double deviation = problem.sigma / std::sqrt(static_cast<double>(X1.numel()));
  const std::vector<optim::GroupSettings> settings = {optim::LmoSettings{norm,
                                                                         {.lr = sizes.eta,
                                                                          .momentum = 1 - sizes.alpha,
                                                                          .nesterov = false,
                                                                          .weight_decay = 0,
                                                                          .adjust_lr_fn = norms::AdjustLrFn::none}}};
  const auto X = X1.clone();
  const auto state = optim::initial_state(X, settings[0]);
  ScheduleTrial trial{0, std::numeric_limits<double>::infinity(), 0};
  for (int64_t k = 1; k <= K; ++k) {
    const auto gradient = objective.gradient(X);
    const double size = norm->dual(gradient).item<double>();
    trial.mean += size / sizes.K;
    trial.least = std::min(trial.least, size);
    if (trial.first == 0 && size <= problem.eps) trial.first = k;
    const auto noisy = gradient + at::randn(X.sizes(), generator, at::kDouble) * deviation;
    optim::step_({{X, noisy, state}}, settings);
  }
  return trial;
}

ProblemConstants trial_constants(const LeastSquares& objective, const norms::MatrixNorm& norm, const at::Tensor& X1,
                                 double accuracy, double noise) {
  const double rho = norm.rho(X1.size(0), X1.size(1));
  const double eps = accuracy * norm.dual(objective.gradient(X1)).item<double>();
  return {.eps = eps,
          .L = smoothness(norm, objective.A, objective.B).value,
          .delta0 = objective.value(X1),
          .rho = rho,
          .sigma = noise * eps / rho};
}

}  // namespace fanion::theory
