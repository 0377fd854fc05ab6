#include "tasks/norm_ball.h"

#include <ATen/ops/diag.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

namespace fanion::tasks {
namespace {

using Gauge = std::function<double(const Point&)>;

Gauge gauge_of(const norms::NormPtr& norm, bool dual) {
  return [norm, dual](const Point& sigma) {
    const auto X = at::diag(at::tensor(sigma, at::kDouble));
    return (dual ? norm->dual(X) : norm->value(X)).item<double>();
  };
}

Point divided(Point d, double size) {
  TORCH_CHECK(std::isfinite(size) && size > 0, "the norm of a diagonal matrix came out as ", size);
  for (auto& x : d) x /= size;
  return d;
}

Point boundary_point(const Gauge& gauge, const Point& d) { return divided(d, gauge(d)); }

/// Once around the square |d|_∞ = 1 for s from 0 to 8, against the clock from (1, −1): corners at even s, axes at odd.
Point on_square(double s) {
  const auto side = static_cast<int64_t>(s / 2) % 4;
  const double along = std::fmod(s, 2) - 1;
  switch (side) {
    case 0: return {1, along};
    case 1: return {-along, 1};
    case 2: return {-1, -along};
    default: return {along, -1};
  }
}

double distance_to_line(const Point& p, const Point& a, const Point& b) {
  const double x = b[0] - a[0], y = b[1] - a[1];
  return std::abs(x * (p[1] - a[1]) - y * (p[0] - a[0])) / std::hypot(x, y);
}

struct Curve {
  Gauge gauge;
  double tolerance;
  std::vector<Point> points;

  /// Appends the boundary after `a` up to `b`. It is convex, so a middle point on the chord says the chord is all.
  void append(double s, const Point& a, double t, const Point& b) {
    constexpr double kNarrowest = 1e-6;  // a corner: no chord gets closer
    const double middle = (s + t) / 2;
    const auto p = boundary_point(gauge, on_square(middle));
    if (t - s > kNarrowest && distance_to_line(p, a, b) > tolerance) {
      append(s, a, middle, p);
      append(middle, p, t, b);
      return;
    }
    points.push_back(b);
  }
};

/// The corners of the cube's grid and the centres of its cells, each point once.
class CubeGrid {
 public:
  explicit CubeGrid(int64_t cells) : cells_(cells) {
    for (const int64_t axis : {0, 1, 2})
      for (const int64_t side : {-1, 1})
        for (int64_t i = 0; i < cells; ++i)
          for (int64_t j = 0; j < cells; ++j) add_cell(axis, side, i, j);
  }

  std::vector<Point> directions;
  std::vector<std::array<int64_t, 3>> triangles;

 private:
  /// Four triangles around the centre, so that both diagonals are there; seen from outside against the clock.
  void add_cell(int64_t axis, int64_t side, int64_t i, int64_t j) {
    const auto corner = [&](int64_t di, int64_t dj) { return index(axis, side, 2 * (i + di), 2 * (j + dj)); };
    const std::array around = {corner(0, 0), corner(1, 0), corner(1, 1), corner(0, 1)};
    const auto centre = index(axis, side, 2 * i + 1, 2 * j + 1);
    for (std::size_t c = 0; c < 4; ++c) {
      const auto from = around[c], to = around[(c + 1) % 4];
      triangles.push_back({centre, side > 0 ? from : to, side > 0 ? to : from});
    }
  }

  /// The point (u, v) of a face, in half cells from its lower corner.
  int64_t index(int64_t axis, int64_t side, int64_t u, int64_t v) {
    std::array<int64_t, 3> p{};
    p[axis] = side * cells_;
    p[(axis + 1) % 3] = u - cells_;
    p[(axis + 2) % 3] = v - cells_;
    const auto [found, is_new] = known_.try_emplace(p, static_cast<int64_t>(directions.size()));
    if (is_new) {
      const auto scale = static_cast<double>(cells_);
      directions.push_back(
          {static_cast<double>(p[0]) / scale, static_cast<double>(p[1]) / scale, static_cast<double>(p[2]) / scale});
    }
    return found->second;
  }

  int64_t cells_;
  std::map<std::array<int64_t, 3>, int64_t> known_;
};

}  // namespace

NormBall ball_in_plane(const std::string& label, const norms::NormPtr& norm, bool dual) {
  constexpr int64_t kFirst = 16;  // pieces before any is halved: twice the corners and axes
  const auto gauge = gauge_of(norm, dual);
  std::vector<Point> first;
  double size = 0;
  for (int64_t i = 0; i <= kFirst; ++i) {
    first.push_back(i == kFirst ? first.front() : boundary_point(gauge, on_square(static_cast<double>(i) / 2)));
    size = std::max(size, std::hypot(first.back()[0], first.back()[1]));
  }
  Curve curve{gauge, 5e-5 * size, {first.front()}};
  for (int64_t i = 0; i < kFirst; ++i)
    curve.append(static_cast<double>(i) / 2, first[i], static_cast<double>(i + 1) / 2, first[i + 1]);
  return {label, norm->name(), dual, std::move(curve.points), {}};
}

NormBall ball_in_space(const std::string& label, const norms::NormPtr& norm, bool dual) {
  constexpr int64_t kCells = 16;  // a side of the cube; even, so that the axes are on the grid
  CubeGrid grid(kCells);
  const auto gauge = gauge_of(norm, dual);
  NormBall ball{label, norm->name(), dual, {}, std::move(grid.triangles)};
  std::map<Point, double> sizes;
  for (auto& d : grid.directions) {
    Point ordered;
    for (const double x : d) ordered.push_back(std::abs(x));
    std::sort(ordered.begin(), ordered.end());
    const auto [size, is_new] = sizes.try_emplace(ordered, 0);
    if (is_new) size->second = gauge(ordered);
    ball.points.push_back(divided(std::move(d), size->second));
  }
  return ball;
}

nlohmann::json to_json(const NormBall& ball) {
  nlohmann::json json = {{"label", ball.label}, {"norm", ball.norm}, {"dual", ball.dual}, {"points", ball.points}};
  if (!ball.triangles.empty()) json["triangles"] = ball.triangles;
  return json;
}

}  // namespace fanion::tasks
