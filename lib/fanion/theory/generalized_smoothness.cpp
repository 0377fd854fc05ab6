#include "fanion/theory/generalized_smoothness.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

namespace fanion::theory {
namespace {

/// A line a·L₀ + b·L₁ = c in the plane of the two constants.
struct Line {
  double a, b, c;
};

std::optional<std::pair<double, double>> crossing(const Line& p, const Line& q) {
  const double determinant = p.a * q.b - q.a * p.b;
  if (determinant == 0) return std::nullopt;
  return std::pair{(p.c * q.b - q.c * p.b) / determinant, (p.a * q.c - q.a * p.c) / determinant};
}

/// Σ above·[r]_+ + below·[−r]_+ of the residuals r.
double weighted_residuals(const std::vector<SlopePoint>& points, double above, double below, double L0, double L1) {
  double sum = 0;
  for (const auto& p : points) {
    const double r = p.slope - L0 - L1 * p.gradient;
    sum += r > 0 ? above * r : -below * r;
  }
  return sum;
}

/// Whether a point lies above the line by more than its rounding.
bool is_above(const SlopePoint& p, double line) { return p.slope > line * (1 + 1e-12); }

void check(const WalkOptions& o, std::size_t matrices, std::size_t norms) {
  TORCH_CHECK_VALUE(matrices > 0 && norms == matrices, "slopes_along_walk got ", matrices, " matrices and ", norms,
                    " norms");
  TORCH_CHECK_VALUE(std::isfinite(o.step) && o.step > 0, "step = ", o.step, " must be finite and positive");
  TORCH_CHECK_VALUE(o.steps >= 1, "steps = ", o.steps, " must be at least 1");
  TORCH_CHECK_VALUE(o.batches >= 1, "batches = ", o.batches, " must be at least 1");
}

}  // namespace

GeneralizedSmoothness fit_generalized_smoothness(const std::vector<SlopePoint>& points, double quantile) {
  TORCH_CHECK_VALUE(quantile > 0 && quantile <= 1, "quantile = ", quantile, " must be in (0, 1]");
  TORCH_CHECK_VALUE(!points.empty(), "a fit of L0 and L1 needs at least one point");
  // The loss is convex and linear between the lines on which a residual or a constant is 0: it is least at a crossing.
  std::vector<Line> lines = {{1, 0, 0}, {0, 1, 0}};
  for (const auto& p : points) {
    TORCH_CHECK_VALUE(std::isfinite(p.gradient) && std::isfinite(p.slope) && p.gradient >= 0 && p.slope >= 0,
                      "a point with gradient ", p.gradient, " and slope ", p.slope,
                      " is no point of a fit; both must be finite and not negative");
    lines.push_back({1, p.gradient, p.slope});
  }
  const bool covers = quantile == 1;  // every point, by the line that lies least above them
  const auto covers_all = [&](double L0, double L1) {
    return std::ranges::none_of(points, [&](const SlopePoint& p) { return is_above(p, L0 + L1 * p.gradient); });
  };
  double least = std::numeric_limits<double>::infinity(), L0 = 0, L1 = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (std::size_t j = i + 1; j < lines.size(); ++j) {
      const auto at = crossing(lines[i], lines[j]);
      if (!at || at->first < 0 || at->second < 0 || (covers && !covers_all(at->first, at->second))) continue;
      const double below = covers ? 1 : 1 - quantile;
      const double loss = weighted_residuals(points, quantile, below, at->first, at->second);
      const double rounding = 1e-12 * loss;
      if (loss < least - rounding || (loss <= least + rounding && at->second < L1))
        least = loss, L0 = at->first, L1 = at->second;
    }
  }
  GeneralizedSmoothness fit{L0, L1, std::ssize(points), 0, 1};
  for (const auto& p : points) {
    const double line = L0 + L1 * p.gradient;
    if (!is_above(p, line)) continue;
    ++fit.above;
    fit.largest_excess = std::max(fit.largest_excess, p.slope / line);
  }
  return fit;
}

double generalized_step_size(const GeneralizedSmoothness& s, double gradient) {
  return gradient == 0 ? 0 : gradient / (s.L0 + s.L1 * gradient);
}

WalkSlopes slopes_along_walk(const BatchGradient& gradient, std::vector<at::Tensor> X,
                             const std::vector<norms::NormPtr>& norms, const WalkOptions& o) {
  check(o, X.size(), norms.size());
  WalkSlopes slopes{std::vector<std::vector<SlopePoint>>(X.size()), {}};
  for (int64_t k = 0; k < o.steps; ++k) {
    const auto g = mean_gradient(gradient, X, k * o.batches, o.batches);
    std::vector<at::Tensor> Y;
    for (std::size_t i = 0; i < X.size(); ++i) {
      const auto D = to_dense(norms[i]->lmo(g[i]), g[i]) * o.step;
      Y.push_back(X[i].detach() + D.to(X[i].scalar_type()));
    }
    const auto h = mean_gradient(gradient, Y, k * o.batches, o.batches);
    SlopePoint all{0, 0};
    double longest = 0;
    for (std::size_t i = 0; i < X.size(); ++i) {
      const auto moved = Y[i].to(at::kDouble) - X[i].detach().to(at::kDouble);
      const double length = norms[i]->value(moved).item<double>(), size = norms[i]->dual(g[i]).item<double>();
      const double change = norms[i]->dual(h[i] - g[i]).item<double>();
      if (length > 0) slopes.matrices[i].push_back({size, change / length});
      longest = std::max(longest, length), all.gradient += size, all.slope += change;
    }
    if (longest > 0) slopes.whole.push_back({all.gradient, all.slope / longest});
    X = std::move(Y);
  }
  return slopes;
}

}  // namespace fanion::theory
