// The Python boundary: the library's functions as torch ops in the namespace `fanion`; svd_ops.cpp has top-k SVD and
// operators, norm_ops.cpp norms and rules. Strings and numbers come in here and become options; nothing else in the
// library parses names.

#include "fanion/define_op.h"
#include "fanion/linalg/newton_schulz.h"
#include "fanion/linalg/polar.h"
#include "fanion/linalg/polar_express.h"
#include "fanion/norms/rule_cache.h"
#include "fanion/optim/adamw_step.h"
#include "fanion/optim/lmo_step.h"
#include "fanion/version.h"

namespace fanion {
namespace {

std::vector<std::string> vector_of(const c10::List<std::string>& list) { return {list.begin(), list.end()}; }

int64_t lmo_step_(at::TensorList params, at::TensorList grads, at::TensorList momentum_buffers,
                  at::TensorList warm_starts, std::string_view rule, double lr, double momentum, bool nesterov,
                  std::string_view momentum_kind, double weight_decay, std::string_view adjust_lr_fn,
                  std::string_view nonfinite, const c10::List<std::string>& names) {
  const optim::LmoStepOptions options{.lr = lr,
                                      .momentum = momentum,
                                      .nesterov = nesterov,
                                      .momentum_kind = optim::momentum_kind_from_name(momentum_kind),
                                      .weight_decay = weight_decay,
                                      .scale = norms::shape_scale_from_name(adjust_lr_fn),
                                      .nonfinite = optim::nonfinite_policy_from_name(nonfinite)};
  return optim::lmo_step_(params, grads, momentum_buffers, warm_starts, *norms::cached_rule(rule), options,
                          vector_of(names));
}

int64_t adamw_step_(at::TensorList params, at::TensorList grads, at::TensorList exp_avgs, at::TensorList exp_avg_sqs,
                    at::TensorList steps, double lr, double beta1, double beta2, double eps, double weight_decay,
                    std::string_view nonfinite, const c10::List<std::string>& names) {
  const optim::AdamWOptions options{.lr = lr,
                                    .beta1 = beta1,
                                    .beta2 = beta2,
                                    .eps = eps,
                                    .weight_decay = weight_decay,
                                    .nonfinite = optim::nonfinite_policy_from_name(nonfinite)};
  return optim::adamw_step_(params, grads, exp_avgs, exp_avg_sqs, steps, options, vector_of(names));
}

std::tuple<at::Tensor, at::Tensor> lmo_state(const at::Tensor& parameter, std::string_view rule) {
  const auto state = optim::initial_lmo_state(parameter, *norms::cached_rule(rule));
  return {state.momentum_buffer, state.warm_start};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> adamw_state(const at::Tensor& parameter) {
  const auto state = optim::initial_adamw_state(parameter);
  return {state.exp_avg, state.exp_avg_sq, state.step};
}

/// With the named set of coefficients, or with `triples` where the name is empty; steps = 0 are all of a named set.
at::Tensor newton_schulz(const at::Tensor& M, std::string_view name, at::ArrayRef<double> triples, int64_t steps,
                         double eps, std::optional<at::ScalarType> dtype, std::string_view form) {
  TORCH_CHECK_VALUE(triples.size() % 3 == 0 && triples.empty() != name.empty(), "coefficients needs (a, b, c), got ",
                    triples.size(), " numbers");
  TORCH_CHECK_VALUE(!dtype || at::isFloatingType(*dtype), "dtype = ", *dtype, " must be a floating-point one");
  linalg::NewtonSchulzOptions options{.coefficients = {},
                                      .steps = steps,
                                      .dtype = dtype,
                                      .eps = eps,
                                      .form = linalg::newton_schulz_form_from_name(form)};
  if (!name.empty()) {
    const auto& set = linalg::coefficient_set(name);
    if (steps == 0) options.steps = set.steps;
    options.coefficients = linalg::first_steps(set, options.steps);
  }
  for (std::size_t i = 0; i < triples.size(); i += 3)
    options.coefficients.push_back({triples[i], triples[i + 1], triples[i + 2]});
  return linalg::newton_schulz(M, options);
}

std::vector<double> flat(const std::vector<linalg::Quintic>& steps) {
  std::vector<double> numbers;
  for (const auto& step : steps) numbers.insert(numbers.end(), step.begin(), step.end());
  return numbers;
}

std::vector<double> polar_express_coefficients(double lower, int64_t steps, double safety, bool track_safety,
                                               double cushion) {
  return flat(linalg::polar_express_coefficients(
      {.lower = lower, .steps = steps, .safety = safety, .track_safety = track_safety, .cushion = cushion}));
}

std::tuple<at::Tensor, at::Tensor, std::string, int64_t, int64_t, int64_t, double, std::string> polar(
    const at::Tensor& M, double tol) {
  const auto [Q, r] = linalg::polar_with_report(M, {.tol = tol});
  return {Q,        r.rank, std::string(name_of(r.status)), r.iterations, r.qr_iterations, r.snaps, r.isometry_error,
          r.message};
}

/// Contiguous, which torch.compile must know before it is there (_fake_ops.py).
at::Tensor polar_factor(const at::Tensor& M, double tol) { return linalg::polar(M, {.tol = tol}).contiguous(); }

std::string version() { return std::string(kVersion); }

}  // namespace

TORCH_LIBRARY(fanion, m) {
  define_op<lmo_step_>(
      m,
      "lmo_step_(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] momentum_buffers, Tensor(c!)[] warm_starts, *, "
      "str rule, float lr, float momentum, bool nesterov, str momentum_kind, float weight_decay, str adjust_lr_fn, "
      "str nonfinite, str[] names) -> int");
  define_op<adamw_step_>(
      m,
      "adamw_step_(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] exp_avgs, Tensor(c!)[] exp_avg_sqs, "
      "Tensor(d!)[] steps, *, float lr, float beta1, float beta2, float eps, float weight_decay, str nonfinite, "
      "str[] names) -> int");
  define_op<lmo_state>(m, "lmo_state(Tensor parameter, str rule) -> (Tensor momentum_buffer, Tensor warm_start)",
                       InGraphs::never);
  define_op<adamw_state>(m, "adamw_state(Tensor parameter) -> (Tensor exp_avg, Tensor exp_avg_sq, Tensor step)",
                         InGraphs::never);
  define_op<optim::nonfinite_gradients>(m, "nonfinite_gradients(Tensor[] grads) -> int[]");
  define_op<newton_schulz>(
      m,
      "newton_schulz(Tensor M, *, str name, float[] triples, int steps, float eps, ScalarType? dtype, str form) "
      "-> Tensor");
  define_op<polar_express_coefficients>(
      m,
      "polar_express_coefficients(float lower, int steps, float safety, bool track_safety, float cushion) -> float[]");
  define_op<polar>(
      m,
      "polar(Tensor M, *, float tol) -> (Tensor Q, Tensor rank, str status, int iterations, int qr_iterations, "
      "int snaps, float isometry_error, str message)");
  define_op<polar_factor>(m, "polar_factor(Tensor M, *, float tol) -> Tensor");
  define_op<version>(m, "version() -> str");
}

}  // namespace fanion
