// With c = a·t, the point x of {0 ≤ x ≤ c, Σx ≤ kc} nearest to s is clip(s − θ, 0, c) for some θ ≥ 0, so the rest
// d = s − x is s_i − c in a head (i < p), θ in a middle (p ≤ i < q) and s_i in a tail. The gauge is at the c with
// a‖d‖ = bc. Walking c down from where d = 0, θ rises, d grows in every entry, the head only gains entries and the
// middle only loses them, so that a segment ends at one of 2r points and every sum along the way adds what is ≥ 0.

#include "fanion/norms/ky_fan_ball.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "fanion/host_numbers.h"

namespace fanion::norms {
namespace {

class Walk {
 public:
  Walk(const std::vector<double>& s, int64_t k, double a, double b)
      : s_(s), k_(static_cast<std::size_t>(k)), a_(a), b_(b), tail_(s.size()) {
    const double total = std::accumulate(s.begin(), s.end(), 0.0), budget = static_cast<double>(k);
    cap_ = std::max(s.front(), total / budget);
    room_ = std::max(0.0, budget * cap_ - total);
    tight_ = room_ == 0;
  }

  /// s − x at the gauge.
  std::vector<double> rest() {
    while (!ends_in_segment()) {
    }
    std::vector<double> d = s_;
    const double least = head_ < tail_ ? theta_ : tail_ < s_.size() ? s_[tail_] : 0;
    for (std::size_t i = 0; i < tail_; ++i) d[i] = i < head_ ? std::max(s_[i] - cap_, least) : theta_;
    return d;
  }

 private:
  enum class End { zero, head, tail, budget };

  /// Goes to the gauge if it lies in this segment, else to the segment's end, and says which.
  bool ends_in_segment() {
    const double head = static_cast<double>(head_), middle = static_cast<double>(tail_ - head_);
    const double left = static_cast<double>(k_) - head;          // entries of x that the middle amounts to, times c
    const double rise = tight_ && left > 0 ? left / middle : 0;  // of θ, as c falls by 1
    double way = cap_;
    End end = End::zero;
    const auto consider = [&](double candidate, End what) {
      if (candidate < way) way = std::max(candidate, 0.0), end = what;
    };
    if (left > 0) {
      if (rise < 1) consider((cap_ + theta_ - s_[head_]) / (1 - rise), End::head);
      if (tight_) consider((s_[tail_ - 1] - theta_) / rise, End::tail);
      if (!tight_) consider(room_ / left, End::budget);
    }
    // ‖d‖² after a way δ: squares + 2·slope·δ + bend·δ².
    const double slope = head_sum_ + middle * rise * theta_, bend = head + middle * rise * rise;
    const double squares = squares_ + (2 * slope + bend * way) * way;
    if (a_ * std::sqrt(squares) >= b_ * (cap_ - way)) {
      go(way_to_root(slope, bend), rise);
      return true;
    }
    go(way, rise);
    squares_ = squares;
    head_sum_ += head * way;
    room_ -= left * way;
    pass(end);
    return false;
  }

  /// The δ ≥ 0 with a²‖d‖² = b²(c − δ)²; its discriminant is written as a sum of what is ≥ 0.
  double way_to_root(double slope, double bend) const {
    const double aa = a_ * a_, bb = b_ * b_;
    const double missing = (b_ * cap_ - a_ * std::sqrt(squares_)) * (b_ * cap_ + a_ * std::sqrt(squares_));
    const double root = std::sqrt(aa * slope * slope + bb * (2 * slope * cap_ + squares_) + bend * missing);
    const double divisor = aa * slope + bb * cap_ + a_ * root;
    return divisor > 0 ? missing / divisor : 0;
  }

  void go(double way, double rise) {
    cap_ -= way;
    theta_ += rise * way;
  }

  void pass(End end) {
    if (end == End::head) head_sum_ += theta_, ++head_;
    if (end == End::tail) --tail_;
    if (end == End::budget) tight_ = true;
    if (head_ == k_ || (tight_ && tail_ == k_)) {  // x is c in k entries and 0 in the others
      head_sum_ += static_cast<double>(k_ - head_) * theta_;
      head_ = tail_ = k_;
    }
  }

  const std::vector<double>& s_;
  std::size_t k_;
  double a_, b_;
  double cap_, theta_ = 0, room_;  // c, θ and kc − Σx
  bool tight_;                     // whether room is 0 from here on
  std::size_t head_ = 0, tail_;    // p and q
  double head_sum_ = 0, squares_ = 0;
};

/// On the CPU. Throws where their sum leaves float64: nothing here ends on NaN.
std::vector<double> finite_numbers(const at::Tensor& magnitudes) {
  auto s = to_doubles(magnitudes);
  TORCH_CHECK_VALUE(std::isfinite(std::accumulate(s.begin(), s.end(), 0.0)),
                    "the value of a norm leaves float64, or its ", "matrix is not finite");
  return s;
}

}  // namespace

double ky_fan_ball_gauge(const at::Tensor& magnitudes, int64_t k, double a, double b) {
  auto s = finite_numbers(magnitudes);
  const double largest = s.front(), weight = a + b;
  if (largest == 0) return 0;
  for (auto& value : s) value /= largest;
  a /= weight, b /= weight;
  const auto norm = [](const std::vector<double>& x) {
    return std::sqrt(std::inner_product(x.begin(), x.end(), x.begin(), 0.0));
  };
  const double scale = largest / weight;
  if (a == 0) return scale * norm(s) / b;
  if (b > 0) {
    // ⟨s, d⟩/‖d‖† bounds the gauge from below for every d, so an error of d enters by its square.
    const auto d = Walk(s, k, a, b).rest();
    const double dual = a * std::accumulate(d.begin(), d.begin() + k, 0.0) + b * norm(d);
    if (dual > 0) return scale * std::inner_product(s.begin(), s.end(), d.begin(), 0.0) / dual;
  }
  // Reached with b > 0 only where b/a is below rounding.
  return scale * std::max(std::accumulate(s.begin(), s.end(), 0.0) / static_cast<double>(k), s.front()) / a;
}

double ky_fan_balls_gauge(const at::Tensor& magnitudes, const std::vector<KyFanBall>& balls) {
  const auto s = finite_numbers(magnitudes);
  std::vector<double> drops(s.size(), 0);  // of w behind each position
  double weight = 0, weights = 0, sum = 0, gauge = 0;
  for (const auto& [k, radius] : balls) weight += radius, drops[static_cast<std::size_t>(k) - 1] += radius;
  for (std::size_t j = 0; j < s.size(); ++j) {
    weights += std::max(weight, 0.0);
    weight -= drops[j];
    sum += s[j];
    gauge = std::max(gauge, sum / weights);
  }
  return gauge;
}

}  // namespace fanion::norms
