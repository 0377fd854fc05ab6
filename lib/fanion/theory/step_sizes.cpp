#include "fanion/theory/step_sizes.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fanion::theory {
namespace {

void check(const ProblemConstants& p) {
  for (const auto& [name, value] : {std::pair("eps", p.eps), {"L", p.L}, {"rho", p.rho}})
    TORCH_CHECK_VALUE(std::isfinite(value) && value > 0, name, " = ", value, " must be finite and positive");
  for (const auto& [name, value] : {std::pair("delta0", p.delta0), {"sigma", p.sigma}})
    TORCH_CHECK_VALUE(std::isfinite(value) && value >= 0, name, " = ", value, " must be finite and not negative");
}

double least(const std::vector<Term>& terms) {
  return std::min_element(terms.begin(), terms.end(), [](auto& a, auto& b) { return a.value < b.value; })->value;
}

double largest(const std::vector<Term>& terms) {
  return std::max_element(terms.begin(), terms.end(), [](auto& a, auto& b) { return a.value < b.value; })->value;
}

StepSizes with_terms(std::vector<Term> eta, std::vector<Term> alpha, std::vector<Term> K) {
  const StepSizes sizes{least(eta),     least(alpha),     std::max(1.0, std::ceil(largest(K))),
                        std::move(eta), std::move(alpha), std::move(K)};
  TORCH_CHECK_VALUE(sizes.eta > 0 && sizes.alpha > 0 && std::isfinite(sizes.eta) && std::isfinite(sizes.K),
                    "the step sizes leave the range of double: eta = ", sizes.eta, ", alpha = ", sizes.alpha,
                    ", K = ", sizes.K, "; rescale the problem");
  return sizes;
}

}  // namespace

StepSizes deterministic_step_sizes(const ProblemConstants& p) {
  check(p);
  return with_terms({{"eps/L", p.eps / p.L}}, {{"1", 1}},
                    {{"2 L delta0/eps^2", 2 * (p.L / p.eps) * (p.delta0 / p.eps)}});
}

StepSizes stochastic_step_sizes(const ProblemConstants& p) {
  check(p);
  const double noise = p.rho * p.sigma / p.eps;  // 0 without noise: the terms that divide by it are then infinite
  const double squared = noise * noise;
  const double work = (p.L / p.eps) * (p.delta0 / p.eps);
  return with_terms({{"eps/(3 L)", p.eps / p.L / 3}, {"eps^3/(192 rho^2 sigma^2 L)", p.eps / p.L / (192 * squared)}},
                    {{"1", 1}, {"eps^2/(16 rho^2 sigma^2)", 1 / (16 * squared)}},
                    {{"12 rho sigma/eps", 12 * noise},
                     {"192 rho^3 sigma^3/eps^3", 192 * noise * squared},
                     {"18 L delta0/eps^2", 18 * work},
                     {"1152 L delta0 rho^2 sigma^2/eps^4", 1152 * work * squared}});
}

GradientBound gradient_bound(const ProblemConstants& p, double eta, double alpha, double K) {
  check(p);
  TORCH_CHECK_VALUE(std::isfinite(eta) && eta > 0, "eta = ", eta, " must be finite and positive");
  TORCH_CHECK_VALUE(alpha > 0 && alpha <= 1, "alpha = ", alpha, " must lie in (0, 1]");
  TORCH_CHECK_VALUE(std::isfinite(K) && K >= 1, "K = ", K, " must be at least 1");
  return {.progress = p.delta0 / (eta * K),
          .drift = p.L * eta * (0.5 + 2 * (1 - alpha) / alpha),
          .noise = 2 * p.rho * p.sigma * std::sqrt(alpha / (2 - alpha)),
          .start = 2 * p.rho * p.sigma / (alpha * K)};
}

}  // namespace fanion::theory
