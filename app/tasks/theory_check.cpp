#include "tasks/theory_check.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "fanion/norms/registry.h"
#include "fanion/theory/smoothness.h"
#include "terminal/table.h"

namespace fanion::tasks {
namespace {

constexpr double kMostSteps = 1e7;  // an hour of the smallest steps

at::Generator generator(int64_t seed) { return at::detail::createCPUGenerator(static_cast<uint64_t>(seed)); }

void check(const TheoryCheckOptions& o) {
  constexpr int64_t kLargest = 10'000;
  TORCH_CHECK_VALUE(o.rows >= 1 && o.columns >= 1, "--shape ", o.rows, ",", o.columns, " must be two positive sizes");
  TORCH_CHECK_VALUE(o.rows <= kLargest && o.columns <= kLargest, "--shape ", o.rows, ",", o.columns,
                    " must be two sizes of at most ", kLargest);
  TORCH_CHECK_VALUE(o.accuracy > 0 && o.accuracy < 1, "--accuracy ", o.accuracy, " must lie in (0, 1)");
  TORCH_CHECK_VALUE(o.noise >= 0 && std::isfinite(o.noise), "--noise ", o.noise, " must be finite and not negative");
  TORCH_CHECK_VALUE(o.seeds >= 1 && o.seeds <= 1'000'000, "--seeds ", o.seeds, " must lie in 1 to 1000000");
  TORCH_CHECK_VALUE(o.seed >= 0, "--seed ", o.seed, " must not be negative");
}

/// ‖N‖†/(ρ‖N‖_F), the mean over a hundred Gaussian N.
double used_part_of_rho(const norms::MatrixNorm& norm, const TheoryCheckOptions& o) {
  constexpr int kDraws = 100;
  auto source = generator(o.seed);
  double sum = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto N = at::randn({o.rows, o.columns}, source, at::kDouble);
    sum += (norm.dual(N) / N.norm()).item<double>();
  }
  return sum / kDraws / norm.rho(o.rows, o.columns);
}

}  // namespace

std::vector<TheoryCheck> check_theory(const TheoryCheckOptions& o,
                                      const std::function<void(const std::string&)>& said) {
  check(o);
  auto source = generator(o.seed);
  const auto objective = theory::random_least_squares(o.rows, o.columns, source);
  const auto X1 = at::randn({o.rows, o.columns}, source, at::kDouble) * 0.1;
  const auto names = o.norms.empty() ? norms::example_norms(o.rows, o.columns) : o.norms;
  std::vector<norms::NormPtr> norms;
  for (const auto& name : names) {
    norms.push_back(norms::norm_from_name(name));
    norms.back()->rho(o.rows, o.columns);  // throws where the norm does not fit
  }
  std::vector<TheoryCheck> checks;
  for (std::size_t i = 0; i < names.size(); ++i) {
    TheoryCheck c{.norm = names[i],
                  .L = theory::smoothness(*norms[i], objective.A, objective.B),
                  .constants = theory::trial_constants(objective, *norms[i], X1, o.accuracy, o.noise)};
    c.sizes = theory::stochastic_step_sizes(c.constants);
    TORCH_CHECK_VALUE(c.sizes.K <= kMostSteps, c.norm, " would take K = ", c.sizes.K, " steps, more than ", kMostSteps,
                      "; choose a larger --accuracy or a smaller --noise");
    checks.push_back(std::move(c));
  }
  for (std::size_t i = 0; i < checks.size(); ++i) {
    auto& c = checks[i];
    said(c10::str(c.norm, ": ", o.seeds, " x ", c.sizes.K, " steps"));
    for (int64_t j = 1; j <= o.seeds; ++j) {
      const auto trial = theory::try_schedule(objective, norms[i], X1, c.constants, c.sizes, generator(o.seed + j));
      const auto share = 1 / static_cast<double>(o.seeds);
      c.mean += share * trial.mean;
      c.least += share * trial.least;
      c.first += trial.first > 0 ? share * static_cast<double>(trial.first) : std::numeric_limits<double>::quiet_NaN();
    }
    c.rho_used = used_part_of_rho(*norms[i], o);
  }
  return checks;
}

std::string table_of(const std::vector<TheoryCheck>& checks) {
  using terminal::significant;
  std::vector<std::vector<std::string>> rows = {
      {"norm", "rho", "rho used", "L", "L is", "eta", "alpha", "K", "K/first", "mean/eps", "least/eps", "holds"}};
  for (const auto& c : checks)
    rows.push_back({c.norm, significant(c.constants.rho), significant(c.rho_used, 2), significant(c.L.value),
                    c.L.exact ? "exact" : "a bound", significant(c.sizes.eta, 3), significant(c.sizes.alpha, 3),
                    significant(c.sizes.K, 7), significant(c.sizes.K / c.first, 3),
                    significant(c.mean / c.constants.eps, 3), significant(c.least / c.constants.eps, 3),
                    c.holds() ? "yes" : "NO"});
  return terminal::table(rows);
}

}  // namespace fanion::tasks
