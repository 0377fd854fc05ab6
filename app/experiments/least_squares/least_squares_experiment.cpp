#include "experiments/least_squares/least_squares_experiment.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/randn.h>

#include <cmath>

#include "experiments/least_squares/invariant_rules.h"
#include "experiments/optimizer_groups.h"

namespace fanion::experiments::least_squares {

LeastSquaresTask::LeastSquaresTask(const LeastSquaresOptions& o, int64_t seed, at::Device device) {
  const auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
  const auto problem = theory::random_least_squares(o.rows, o.columns, generator);
  auto X = at::randn({o.rows, o.columns}, generator, at::kDouble) * o.start;
  if (o.basis == "eigen") {
    const auto [a, Q] = at::linalg_eigh(problem.A);
    const auto [b, P] = at::linalg_eigh(problem.B);
    X = at::matmul(at::matmul(Q.t(), X), P);
    weights_ = at::outer(a, b).to(device, at::kFloat);
  } else {
    A_ = problem.A.to(device, at::kFloat);
    B_ = problem.B.to(device, at::kFloat);
  }
  parameters_.push_back({"X", Role::matrix, X.to(device, at::kFloat).contiguous().requires_grad_(true)});
}

at::Tensor LeastSquaresTask::gradient(const at::Tensor& X) const {
  if (weights_.defined()) return weights_.to(X.scalar_type()) * X;
  return at::matmul(at::matmul(A_.to(X.scalar_type()), X), B_.to(X.scalar_type()));
}

at::Tensor LeastSquaresTask::loss(const Draw&) {
  const auto& X = parameters_.front().tensor;
  return (gradient(X) * X).sum() / 2;
}

double LeastSquaresTask::gradients(const Draw&) {
  const at::NoGradGuard no_grad;
  const auto& X = parameters_.front().tensor;
  const auto G = gradient(X.detach());
  X.mutable_grad() = G;
  return (G * X).sum(at::kDouble).item<double>() / 2;
}

std::vector<double> LeastSquaresTask::validate() {
  const auto X = parameters_.front().tensor.detach().to(at::kDouble);
  const auto G = gradient(X);
  const auto S = at::linalg_svdvals(G);
  return {(G * X).sum().item<double>() / 2, G.norm().item<double>(), S.max().item<double>(), S.sum().item<double>()};
}

LeastSquaresExperiment::LeastSquaresExperiment()
    : Experiment("least-squares", "randomized least squares (KyFan eq. 17)") {
  run.step.momentum = 0.6;
  run.step.nesterov = false;
  run.step.adjust_lr_fn = norms::AdjustLrFn::none;
  run.steps = 12000;
  run.schedule = "constant";
  run.eval_every = 100;
  run.checkpoint_every = 1000;
}

OptionTable LeastSquaresExperiment::own_options() {
  return {{"rows", &problem.rows, "m of the m x n matrix X"},
          {"columns", &problem.columns, "n of the m x n matrix X"},
          {"start", &problem.start, "standard deviation of the first X"},
          {"basis", &problem.basis,
           "given, or eigen: that of A and B, where a gradient is elementwise, for unitarily invariant rules; empty: "
           "eigen where the rule allows it"}};
}

void LeastSquaresExperiment::resolve_own() {
  matrix_settings(run);  // an unknown rule is told first
  if (run.lr == 0) run.lr = 1 / std::sqrt(static_cast<double>(run.steps));
  if (problem.basis.empty()) problem.basis = unitarily_invariant(run.optimizer, run.step) ? "eigen" : "given";
}

void LeastSquaresExperiment::check_own() const {
  for (const auto& [name, value] : {std::pair("rows", problem.rows), {"columns", problem.columns}})
    check_in_range<int64_t>(name, value, 1, 100'000);
  check_not_negative("start", problem.start);
  TORCH_CHECK_VALUE(problem.basis == "given" || problem.basis == "eigen", "unknown --basis '", problem.basis,
                    "'; choose one of: given, eigen");
  TORCH_CHECK_VALUE(problem.basis == "given" || unitarily_invariant(run.optimizer, run.step),
                    "--basis eigen needs a unitarily invariant step, which that of ", run.optimizer,
                    " with these options is not known to be; take --basis given");
}

std::vector<std::pair<int64_t, int64_t>> LeastSquaresExperiment::matrix_shapes() const {
  return {{problem.rows, problem.columns}};
}

std::unique_ptr<Task> LeastSquaresExperiment::task() const {
  return std::make_unique<LeastSquaresTask>(problem, run.seed, at::Device(run.device));
}

Figure LeastSquaresExperiment::figure() const {
  return {.title = c10::str("Least squares on ", problem.rows, " × ", problem.columns, " matrices, momentum ",
                            run.step.momentum, ", seed ", run.seed),
          .quantities = {{"validation_loss", "loss", "loss", true},
                         {"gradient_frobenius", "Frobenius norm of the gradient", "|grad|_F", true},
                         {"gradient_spectral", "spectral norm of the gradient", "|grad|_op", true},
                         {"gradient_nuclear", "nuclear norm of the gradient", "|grad|_nuc", true}},
          .x_label = "iterations"};
}

}  // namespace fanion::experiments::least_squares
