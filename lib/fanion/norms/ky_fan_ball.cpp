#include "fanion/norms/ky_fan_ball.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <vector>

namespace fanion::norms {
namespace {

/// The point of [low, high] where the decreasing `f` crosses zero, by bisection to `tol`·high.
double bisect(double low, double high, double tol, const std::function<double(double)>& f) {
  while (high - low > tol * high) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;  // no double left between them
    (f(middle) > 0 ? low : high) = middle;
  }
  return high;
}

/// Distance from sigma to {0 ≤ x ≤ cap, Σx ≤ budget}; the nearest point is clip(sigma − θ, 0, cap).
double distance_to_capped_simplex(const std::vector<double>& sigma, double cap, double budget) {
  const auto nearest = [&](double s, double theta) { return std::clamp(s - theta, 0.0, cap); };
  const auto excess = [&](double theta) {
    double sum = 0;
    for (double s : sigma) sum += nearest(s, theta);
    return sum - budget;
  };
  const double theta = excess(0) <= 0 ? 0 : bisect(0, sigma.front(), 1e-15, excess);
  double squares = 0;
  for (double s : sigma) squares += std::pow(s - nearest(s, theta), 2);
  return std::sqrt(squares);
}

}  // namespace

double ky_fan_ball_gauge(const at::Tensor& sigma, int64_t k, double a, double b) {
  const auto S = sigma.to(at::kCPU, at::kDouble).contiguous();
  const std::vector<double> s(S.data_ptr<double>(), S.data_ptr<double>() + S.numel());
  if (s.front() == 0) return 0;
  const double frobenius = std::sqrt(std::inner_product(s.begin(), s.end(), s.begin(), 0.0));
  const double dual_of_ky_fan = std::max(std::accumulate(s.begin(), s.end(), 0.0) / static_cast<double>(k), s.front());
  if (a == 0) return frobenius / b;
  if (b == 0) return dual_of_ky_fan / a;
  const auto outside = [&](double t) {
    return distance_to_capped_simplex(s, a * t, static_cast<double>(k) * a * t) - b * t;
  };
  // Either part alone could carry sigma, so the gauge is at most the smaller of the two.
  return bisect(0, std::min(frobenius / b, dual_of_ky_fan / a), 1e-12, outside);
}

}  // namespace fanion::norms
