#include "experiments/run_estimate.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "experiments/trained_task.h"
#include "fanion/norms/adjust_lr_fn.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/matrix_view.h"
#include "fanion/theory/estimators.h"
#include "terminal/table.h"

namespace fanion::experiments {
namespace {

using Tensors = std::vector<at::Tensor>;

norms::NormPtr norm_of(const RunOptions& o, const std::string& given) {
  if (!given.empty()) return norms::norm_from_name(given);
  try {
    TORCH_CHECK_VALUE(o.optimizer != "adamw", "'adamw' steps along the LMO of no norm");
    return norms::norm_from_name(o.optimizer);
  } catch (c10::Error& e) {
    TORCH_CHECK_VALUE(false, e.what_without_backtrace(), "; --norm says in which norm to measure this run");
  }
}

/// The norm with the unit ball `scale` times as large.
norms::NormPtr scaled(const norms::NormPtr& norm, double scale) {
  return scale == 1 ? norm : norms::dual_sum({{scale, norm}});
}

/// Gradients of the matrices of a task on training batches, and the losses on the way.
class MatrixGradient {
 public:
  MatrixGradient(Task& task, Draw first) : task_(task), first_(first) {
    for (const auto& p : task.parameters()) {
      if (p.role != Role::matrix) continue;
      names_.push_back(p.name);
      parameters_.push_back(p.tensor);
      matrices_.push_back(optim::matrix_view(p.tensor.detach()));
    }
  }

  const std::vector<std::string>& names() const { return names_; }
  Tensors point() const {
    Tensors X;
    for (const auto& p : matrices_) X.push_back(p.clone());
    return X;
  }

  Tensors operator()(const Tensors& X, int64_t batch) {
    {
      const at::NoGradGuard no_grad;
      for (std::size_t i = 0; i < X.size(); ++i) matrices_[i].copy_(X[i]);
    }
    loss_ += task_.gradients({first_.seed, first_.step + batch});
    ++calls_;
    Tensors gradients;
    for (const auto& p : parameters_) gradients.push_back(optim::matrix_view(p.grad()));
    return gradients;
  }

  /// Over all calls so far.
  double mean_loss() const { return loss_ / static_cast<double>(calls_); }

 private:
  Task& task_;
  Draw first_;
  std::vector<std::string> names_;
  Tensors parameters_, matrices_;  ///< matrices are views of the parameters
  double loss_ = 0;
  int64_t calls_ = 0;
};

/// JSON has no NaN.
nlohmann::json number(double x) { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(); }

nlohmann::json figures(const theory::Estimate& noise, const theory::LocalSmoothness& L, double rho, double gradient) {
  return {{"sigma_squared", noise.value},
          {"sigma_squared_error", noise.standard_error},
          {"rho", rho},
          {"gradient_dual_norm", gradient},
          {"L_along_lmo", number(L.along_lmo)},
          {"L_along_random", number(L.along_random)}};
}

}  // namespace

nlohmann::json estimate_run(const record::RunFolder& run, const EstimateOptions& e) {
  TORCH_CHECK_VALUE(e.step >= 0 && std::isfinite(e.step), "--step ", e.step, " must be finite and not negative");
  TORCH_CHECK_VALUE(!e.seed || *e.seed >= 0, "--seed ", e.seed.value_or(0), " must not be negative");
  const auto trained = trained_task(run);
  const auto& o = trained.experiment->run;
  const auto norm = norm_of(o, e.norm);
  const auto seed = e.seed.value_or(o.seed);
  at::set_num_threads(static_cast<int>(o.threads));
  const double step = e.step > 0 ? e.step : o.lr;

  MatrixGradient matrix_gradient(*trained.task, {seed, o.steps});
  const auto gradient = [&](const Tensors& X, int64_t batch) { return matrix_gradient(X, batch); };
  const auto X = matrix_gradient.point();
  std::vector<norms::NormPtr> norms;
  for (const auto& x : X) {
    const auto scale = norms::lr_factor(o.step.adjust_lr_fn, *norm, x.size(0), x.size(1));
    norms.push_back(scaled(norm, scale));
  }
  const auto noise = theory::estimate_noise(gradient, X, e.batches);
  const double loss = matrix_gradient.mean_loss();
  const auto L = theory::estimate_smoothness(
      gradient, X, norms, {.step = step, .batches = e.smoothness_batches, .random_directions = e.directions},
      at::detail::createCPUGenerator(static_cast<uint64_t>(seed)));

  const auto [unit, work] = trained.experiment->work_per_step();
  auto matrices = nlohmann::json::array();
  double whole_gradient = 0;
  for (std::size_t i = 0; i < X.size(); ++i) {
    const double dual = norms[i]->dual(noise.mean[i]).item<double>();
    whole_gradient += dual;
    auto entry = figures(noise.matrices[i], L.matrices[i], norms[i]->rho(X[i].size(0), X[i].size(1)), dual);
    entry.update({{"name", matrix_gradient.names()[i]}, {"shape", X[i].sizes().vec()}, {"norm", norms[i]->name()}});
    matrices.push_back(std::move(entry));
  }
  return {{"run", run.path().string()},
          {"checkpoint_step", trained.progress.step},
          {"norm", norm->name()},
          {"adjust_lr_fn", optim::option_table::text_of(o.step.adjust_lr_fn)},
          {"batches", e.batches},
          {"smoothness_batches", e.smoothness_batches},
          {"random_directions", e.directions},
          {"step", step},
          {"seed", seed},
          {"first_batch", o.steps},
          {"unit", unit},
          {"work_per_batch", work},
          {"loss", loss},
          {"matrices", matrices},
          {"whole", figures(noise.whole, L.whole, theory::rho_of_product(norms, X), whole_gradient)}};
}

std::string estimate_table(const nlohmann::json& estimate) {
  using terminal::significant;
  const auto value = [](const nlohmann::json& x) { return x.is_null() ? std::nan("") : x.get<double>(); };
  const auto row = [&](const std::string& name, const std::string& shape, const nlohmann::json& f) {
    const double squared = value(f.at("sigma_squared")), sigma = std::sqrt(squared);
    const double error = squared > 0 ? value(f.at("sigma_squared_error")) / (2 * sigma) : 0;
    return std::vector<std::string>{name,
                                    shape,
                                    significant(sigma, 3),
                                    significant(error, 2),
                                    significant(value(f.at("rho")), 3),
                                    significant(value(f.at("gradient_dual_norm")), 3),
                                    significant(value(f.at("L_along_lmo")), 3),
                                    significant(value(f.at("L_along_random")), 3)};
  };
  std::vector<std::vector<std::string>> rows = {
      {"matrix", "shape", "sigma", "+-", "rho", "|grad|_dual", "L >= (lmo)", "L >= (random)"}};
  for (const auto& m : estimate.at("matrices"))
    rows.push_back(
        row(m.at("name"), c10::str(m.at("shape")[0].get<int64_t>(), " x ", m.at("shape")[1].get<int64_t>()), m));
  rows.push_back(row("all together", "", estimate.at("whole")));
  return terminal::table(rows);
}

}  // namespace fanion::experiments
