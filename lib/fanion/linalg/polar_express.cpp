// Method: greedy composition of minimax odd quintics.
// Algorithm: Remez's exchange. The best p on [l, u] has 1 − p(x) = ±E at l < q < r < u with alternating signs, where q
//   and r are the extrema of p; solve for (a, b, c, E) with the last q, r, take the new extrema, repeat.
// References: Amsel, Persson, Musco & Gower 2025 (arXiv 2505.16932), App. D (Remez), §3.4 (cushion and safety).
// Rounding: as l → u the four points merge and the system becomes singular; from l = (1 − 5e-6)u on, p is within
//   rounding of its limit, the Taylor quintic 15/8, −10/8, 3/8.

#include "fanion/linalg/polar_express.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/linalg_solve.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/tensor.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>

namespace fanion::linalg {
namespace {

/// p(x/factor).
Quintic with_argument_divided(const Quintic& p, double factor) {
  return {p[0] / factor, p[1] / std::pow(factor, 3), p[2] / std::pow(factor, 5)};
}

/// argmin max |1 − p(x)| on [lower, 1].
Quintic optimal_quintic(double lower) {
  if (lower >= 1 - 5e-6) return {15.0 / 8, -10.0 / 8, 3.0 / 8};
  double q = (3 * lower + 1) / 4, r = (lower + 3) / 4;
  Quintic p{};
  double error = 0, last = 1;
  constexpr int kMost = 100;  // quadratic: ten do, from any start
  for (int i = 0; i < kMost && std::abs(error - last) > 1e-15; ++i) {
    last = error;
    std::vector<double> rows;
    double sign = 1;
    for (const double x : {lower, q, r, 1.0}) {
      rows.insert(rows.end(), {x, std::pow(x, 3), std::pow(x, 5), sign});
      sign = -sign;
    }
    const auto system = at::tensor(rows, at::kDouble).view({4, 4});
    const auto solution = at::linalg_solve(system, at::ones({4}, at::kDouble)).contiguous();
    const double* s = solution.const_data_ptr<double>();
    p = {s[0], s[1], s[2]};
    error = s[3];
    const double root = std::sqrt(9 * p[1] * p[1] - 20 * p[0] * p[2]);
    q = std::sqrt((-3 * p[1] - root) / (10 * p[2]));
    r = std::sqrt((-3 * p[1] + root) / (10 * p[2]));
  }
  return p;
}

void check(const PolarExpressOptions& o) {
  TORCH_CHECK_VALUE(o.lower > 0 && o.lower <= 1, "lower = ", o.lower, " must lie in (0, 1]");
  TORCH_CHECK_VALUE(o.steps >= 1 && o.steps < 100, "steps = ", o.steps, " must lie in 1 to 99");
  TORCH_CHECK_VALUE(o.safety >= 1 && std::isfinite(o.safety), "safety = ", o.safety, " must be at least 1");
  TORCH_CHECK_VALUE(o.cushion >= 0 && o.cushion < 1, "cushion = ", o.cushion, " must lie in [0, 1)");
}

}  // namespace

std::vector<Quintic> polar_express_coefficients(const PolarExpressOptions& options) {
  check(options);
  std::vector<Quintic> all;
  double lower = options.lower, upper = 1;
  for (int64_t step = 1; step <= options.steps; ++step) {
    // p(x/upper) on [lower, upper] is p on [lower/upper, 1].
    auto p = with_argument_divided(optimal_quintic(std::max(lower / upper, options.cushion)), upper);
    const double centre = 2 / (evaluate(p, lower) + evaluate(p, upper));  // 1 where the cushion did not act
    for (double& coefficient : p) coefficient *= centre;
    const auto safe = step < options.steps ? with_argument_divided(p, options.safety) : p;
    lower = evaluate(options.track_safety ? safe : p, lower);
    upper = 2 - lower;
    all.push_back(safe);
  }
  return all;
}

}  // namespace fanion::linalg
