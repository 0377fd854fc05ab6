#include "experiments/run_slopes.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "experiments/matrix_gradient.h"
#include "experiments/start.h"

namespace fanion::experiments {

theory::WalkSlopes slopes_of_run(const record::RunFolder& run, const TrainedTask& trained, int64_t seed,
                                 const std::vector<norms::NormPtr>& norms, const theory::WalkOptions& options) {
  const auto& o = trained.experiment->run;
  const auto walk = [&](Task& task, int64_t first) {
    MatrixGradient gradient(task, {seed, first});
    return theory::slopes_along_walk([&](const auto& X, int64_t batch) { return gradient(X, batch); }, gradient.point(),
                                     norms, options);
  };
  const auto start = trained.experiment->task();
  if (!o.init_from.empty()) {
    run.check_start(o.init_from);
    start_from(*start, o.init_from);
  }
  {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < start->parameters().size(); ++i) {
      auto between = start->parameters()[i].tensor;
      between.lerp_(trained.task->parameters()[i].tensor, 0.5);
    }
  }
  auto slopes = walk(*start, 0);
  const auto later = walk(*trained.task, o.steps);
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  for (std::size_t i = 0; i < slopes.matrices.size(); ++i) append(slopes.matrices[i], later.matrices[i]);
  append(slopes.whole, later.whole);
  return slopes;
}

nlohmann::json generalized_figures(const std::vector<theory::SlopePoint>& slopes, double quantile, double gradient) {
  nlohmann::json figures = {{"points", slopes.size()}, {"slopes", nlohmann::json::array()}};
  for (const auto* key : {"above", "largest_excess", "L0", "L1", "step"}) figures[key] = nullptr;
  for (const auto& p : slopes) figures["slopes"].push_back({p.gradient, p.slope});
  if (slopes.empty()) return figures;
  const auto fit = theory::fit_generalized_smoothness(slopes, quantile);
  const auto number = [](double x) { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(); };
  figures.update({{"above", fit.above},
                  {"largest_excess", number(fit.largest_excess)},
                  {"L0", fit.L0},
                  {"L1", fit.L1},
                  {"step", number(theory::generalized_step_size(fit, gradient))}});
  return figures;
}

}  // namespace fanion::experiments
