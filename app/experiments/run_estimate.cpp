#include "experiments/run_estimate.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>

#include "experiments/matrix_gradient.h"
#include "experiments/run_slopes.h"
#include "experiments/trained_task.h"
#include "fanion/norms/adjust_lr_fn.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/registry.h"
#include "fanion/theory/estimators.h"
#include "fanion/theory/step_sizes.h"
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

/// η of Lemma 7 for the gradient's dual norm ε, of what `figures` holds; null where that has no L.
nlohmann::json lemma_7_step(const nlohmann::json& figures, double eps) {
  const auto of = [&](const char* key) { return figures.at(key).is_null() ? 0 : figures.at(key).get<double>(); };
  const double L = std::max(of("L_along_lmo"), of("L_along_random"));
  if (L == 0 || eps == 0) return {};
  const double sigma = std::sqrt(of("sigma_squared"));
  return theory::stochastic_step_sizes({.eps = eps, .L = L, .rho = of("rho"), .sigma = sigma}).eta;
}

}  // namespace

nlohmann::json estimate_run(const record::RunFolder& run, const EstimateOptions& e) {
  TORCH_CHECK_VALUE(e.step >= 0 && std::isfinite(e.step), "--step ", e.step, " must be finite and not negative");
  TORCH_CHECK_VALUE(e.walk >= 0, "--walk ", e.walk, " must not be negative");
  TORCH_CHECK_VALUE(e.quantile > 0 && e.quantile <= 1, "--quantile ", e.quantile, " must be in (0, 1]");
  TORCH_CHECK_VALUE(e.eps >= 0 && std::isfinite(e.eps), "--eps ", e.eps, " must be finite and not negative");
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

  std::optional<theory::WalkSlopes> slopes;
  if (e.walk > 0)
    slopes = slopes_of_run(run, trained, seed, norms, {.step = step, .steps = e.walk, .batches = e.smoothness_batches});
  const auto add_steps = [&](nlohmann::json& entry, const std::vector<theory::SlopePoint>& points, double dual) {
    const double eps = e.eps > 0 ? e.eps : dual / 2;
    entry["generalized_smoothness"] = generalized_figures(points, e.quantile, dual);
    entry.update({{"eps", eps}, {"lemma_7_step", lemma_7_step(entry, eps)}});
  };

  const auto [unit, work] = trained.experiment->work_per_step();
  auto matrices = nlohmann::json::array();
  double whole_gradient = 0;
  for (std::size_t i = 0; i < X.size(); ++i) {
    const double dual = norms[i]->dual(noise.mean[i]).item<double>();
    whole_gradient += dual;
    auto entry = figures(noise.matrices[i], L.matrices[i], norms[i]->rho(X[i].size(0), X[i].size(1)), dual);
    if (slopes) add_steps(entry, slopes->matrices[i], dual);
    entry.update({{"name", matrix_gradient.names()[i]}, {"shape", X[i].sizes().vec()}, {"norm", norms[i]->name()}});
    matrices.push_back(std::move(entry));
  }
  auto whole = figures(noise.whole, L.whole, theory::rho_of_product(norms, X), whole_gradient);
  if (slopes) add_steps(whole, slopes->whole, whole_gradient);
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
          {"walk", e.walk},
          {"quantile", e.quantile},
          {"whole", whole}};
}

namespace {

double value_of(const nlohmann::json& x) { return x.is_null() ? std::nan("") : x.get<double>(); }

using Row = std::vector<std::string>;

/// A heading, a row for each matrix and one for all; `row` has the cells after name and shape.
std::string table_of(const nlohmann::json& estimate, Row heading,
                     const std::function<Row(const nlohmann::json&)>& row) {
  std::vector<Row> rows = {std::move(heading)};
  const auto add = [&](const std::string& name, const std::string& shape, const nlohmann::json& figures) {
    rows.push_back({name, shape});
    for (auto& cell : row(figures)) rows.back().push_back(std::move(cell));
  };
  for (const auto& m : estimate.at("matrices"))
    add(m.at("name"), c10::str(m.at("shape")[0].get<int64_t>(), " x ", m.at("shape")[1].get<int64_t>()), m);
  add("all together", "", estimate.at("whole"));
  return terminal::table(rows);
}

}  // namespace

std::string estimate_table(const nlohmann::json& estimate) {
  using terminal::significant;
  return table_of(estimate, {"matrix", "shape", "sigma", "+-", "rho", "|grad|_dual", "L >= (lmo)", "L >= (random)"},
                  [](const nlohmann::json& f) {
                    const double squared = value_of(f.at("sigma_squared")), sigma = std::sqrt(squared);
                    const double error = squared > 0 ? value_of(f.at("sigma_squared_error")) / (2 * sigma) : 0;
                    return Row{significant(sigma, 3),
                               significant(error, 2),
                               significant(value_of(f.at("rho")), 3),
                               significant(value_of(f.at("gradient_dual_norm")), 3),
                               significant(value_of(f.at("L_along_lmo")), 3),
                               significant(value_of(f.at("L_along_random")), 3)};
                  });
}

std::string step_size_table(const nlohmann::json& estimate) {
  using terminal::significant;
  return table_of(estimate, {"matrix", "shape", "L0", "L1", "above", "at most", "step", "Lemma 7's", "at eps"},
                  [](const nlohmann::json& f) {
                    const auto& fit = f.at("generalized_smoothness");
                    const auto above = fit.at("above").is_null() ? std::string("-") : fit.at("above").dump();
                    return Row{
                        significant(value_of(fit.at("L0")), 3),   significant(value_of(fit.at("L1")), 3),
                        above + " of " + fit.at("points").dump(), significant(value_of(fit.at("largest_excess")), 3),
                        significant(value_of(fit.at("step")), 3), significant(value_of(f.at("lemma_7_step")), 3),
                        significant(value_of(f.at("eps")), 3)};
                  });
}

}  // namespace fanion::experiments
