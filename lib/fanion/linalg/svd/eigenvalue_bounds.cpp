#include "fanion/linalg/svd/eigenvalue_bounds.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

namespace fanion::linalg {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

constexpr double kTiny = std::numeric_limits<double>::min();

/// How far rounding may move an eigenvalue.
double rounding_of(const LanczosRelation& r) { return 8 * r.eps * std::max(r.theta[0], kTiny); }

/// ‖startᵀP(x − T)⁻¹E_last‖_F with the first `dropped` Ritz vectors projected out.
class Resolvent {
 public:
  explicit Resolvent(const LanczosRelation& r)
      : theta_(r.theta),
        last_(r.vectors.narrow(0, r.vectors.size(0) - r.coupling.size(1), r.coupling.size(1)).t().contiguous()),
        first_(at::matmul(r.vectors.t(), r.start).contiguous()) {}

  /// Plain loops: a few hundred of these are wanted, and a call of ATen takes as long as the whole sum of a small one.
  double norm(double x, int64_t dropped) const {
    const int64_t b = last_.size(1), c = first_.size(1);
    const double *last = last_.const_data_ptr<double>(), *first = first_.const_data_ptr<double>();
    sum_.assign(b * c, 0.0);
    double* sum = sum_.data();
    for (auto i = dropped; i < std::ssize(theta_); ++i) {
      const double inverse = 1 / (x - theta_[i]);
      for (int64_t j = 0; j < c; ++j) {
        const double weight = first[i * c + j] * inverse;
        for (int64_t l = 0; l < b; ++l) sum[j * b + l] += weight * last[i * b + l];
      }
    }
    double squares = 0;
    for (const double each : sum_) squares += each * each;
    return std::sqrt(squares);
  }

  /// ‖AᵀAv̂ᵢ − θᵢv̂ᵢ‖ for every Ritz vector.
  at::Tensor residual_norms(const at::Tensor& coupling) const {
    return at::linalg_vector_norm(at::matmul(coupling, last_.t()), 2, {{0}});
  }

 private:
  std::vector<double> theta_;
  at::Tensor last_, first_;  ///< rows of the eigenvectors: (p, b) and (p, columns of start)
  mutable std::vector<double> sum_;
};

/// The smallest x above θ, to 1 % of its distance from θ, where the resolvent falls below `limit`. On logarithmic
/// scales its slope is −1 beside θ and steeper further away, so that steps by the ratio to the limit enclose the
/// crossing, and secants find it.
double crossing(const Resolvent& resolvent, double theta, int64_t dropped, double limit, double largest) {
  constexpr double kClose = 1.004;
  double low = 0, high = kInfinity;  // distances from θ
  double above = kInfinity, below = 0, next = 1e-3 * largest;
  for (int step = 0; high > 1.01 * low && high > 1e-9 * largest; ++step) {
    if (!(next <= 1e12 * largest)) return kInfinity;
    const double value = resolvent.norm(theta + next, dropped);
    (value < limit ? high : low) = next;
    (value < limit ? below : above) = value;
    if (low == 0) {
      next = high * std::clamp(below / limit, 1e-4, 0.25);
    } else if (std::isinf(high)) {
      next = low * std::clamp(above / limit, 4.0, 1e4);
    } else if (step % 4 == 3) {
      next = std::sqrt(low * high);  // where secants crawl
    } else {
      const double share = std::log(above / limit) / std::log(above / std::max(below, kTiny));
      const double secant = low * std::pow(high / low, std::clamp(share, 0.0, 1.0));
      next = std::clamp(step % 2 == 0 ? secant * kClose : secant / kClose, low * 1.002, high / 1.002);
    }
  }
  return theta + high;
}

}  // namespace

int64_t most_alike(int64_t columns) { return std::max<int64_t>(1, columns / 2); }

double least_component(int64_t b, int64_t i) {
  const double extra = static_cast<double>(b - i + 1);
  return extra / (std::numbers::e * std::sqrt(b)) * std::pow(kFailureProbability, 1 / extra);
}

double unseen(const LanczosRelation& r) {
  if (r.frobenius_squared < 0) return kInfinity;
  const double rest = std::max(r.frobenius_squared - std::accumulate(r.theta.begin(), r.theta.end(), 0.0), 0.0);
  return rest + rounding_of(r) + 8 * r.eps * r.frobenius_squared;
}

std::vector<double> proved_bounds(const LanczosRelation& r, int64_t k) {
  std::vector<double> upper(k + 1, kInfinity);
  const double rest = unseen(r);
  for (int64_t i = 0; i <= k; ++i) upper[i] = (i < std::ssize(r.theta) ? r.theta[i] : 0.0) + rest;
  if (k >= r.limit) upper[k] = 0;
  return upper;
}

std::vector<double> random_bounds(const LanczosRelation& r, int64_t k) {
  std::vector<double> upper(k + 1, kInfinity);
  if (!r.start.defined() || r.start.size(1) < std::min(kLeastRandom, r.limit)) return upper;
  const Resolvent resolvent(r);
  const auto& theta = r.theta;
  const int64_t columns = r.start.size(1);
  const double coupling = at::linalg_vector_norm(r.coupling).item<double>();
  const int64_t step = (k + 4) / 4;  // λ falls with i, so a bound serves all later i as well
  const auto residual = to_doubles(resolvent.residual_norms(r.coupling));
  double lowest = kInfinity;
  for (int64_t i = 0; i <= k; ++i) {
    // The values above the group of i must have been found, or there may be more of them than were dropped.
    const int64_t found = i - most_alike(columns);
    if (found >= 0 && (found >= std::ssize(theta) || residual[found] > kAlike * theta[found])) {
      std::fill(upper.begin() + i, upper.end(), lowest);
      break;
    }
    if (i % step == 0 || i == k) {
      const double value = i < std::ssize(theta) ? theta[i] : 0.0;
      const double limit = least_component(columns, std::min(i + 1, most_alike(columns))) / std::max(coupling, 1e-300);
      const double x = coupling == 0 ? value : crossing(resolvent, value, i, limit, std::max(theta[0], kTiny));
      lowest = std::min(lowest, x + rounding_of(r));
    }
    upper[i] = lowest;
  }
  return upper;
}

EigenvalueBounds tightest(const std::vector<double>& proved, const std::vector<double>& random, double rest) {
  EigenvalueBounds bounds{proved, BoundKind::none, rest};
  for (std::size_t i = 0; i < proved.size(); ++i) {
    if (random[i] < proved[i]) {
      bounds.upper[i] = random[i];
      bounds.kind = BoundKind::probabilistic;
    } else if (std::isfinite(proved[i]) && bounds.kind == BoundKind::none) {
      bounds.kind = BoundKind::proved;
    }
  }
  return bounds;
}

}  // namespace fanion::linalg
