#include "reproduce/ball_figures.h"

#include <ATen/ops/diag.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "fanion/norms/registry.h"
#include "record/atomic_file.h"
#include "record/plotting.h"
#include "record/run_folder.h"
#include "reproduce/record.h"
#include "tasks/paper_balls.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

constexpr double kSame = 1e-5;  // of a mixture's value, which is a root found to that accuracy

double dual_of(const std::string& norm, const std::vector<double>& sigma) {
  return norms::norm_from_name(norm)->dual(at::diag(at::tensor(sigma, at::kDouble))).item<double>();
}

double value_of(const std::string& norm, const std::vector<double>& sigma) {
  return norms::norm_from_name(norm)->value(at::diag(at::tensor(sigma, at::kDouble))).item<double>();
}

/// All round the circle and, in space, the sphere.
std::vector<std::vector<double>> directions(int dimensions) {
  constexpr int kAround = 24;
  std::vector<std::vector<double>> all;
  for (int i = 0; i < kAround; ++i) {
    const double phi = 2 * std::numbers::pi * i / kAround;
    if (dimensions == 2) all.push_back({std::cos(phi), std::sin(phi)});
    for (int j = 1; dimensions == 3 && j < kAround / 2; ++j) {
      const double theta = 2 * std::numbers::pi * j / kAround;
      all.push_back({std::sin(theta) * std::cos(phi), std::sin(theta) * std::sin(phi), std::cos(theta)});
    }
  }
  return all;
}

/// The largest difference of two functions of σ over directions all round.
template <class F, class G>
double largest_difference(int dimensions, F&& f, G&& g) {
  double largest = 0;
  for (const auto& sigma : directions(dimensions)) largest = std::max(largest, std::abs(f(sigma) - g(sigma)));
  return largest;
}

Finding equal(const std::string& claim, double difference) {
  return {claim, difference < kSame, "largest difference " + terminal::significant(difference, 2)};
}

/// The ball of a mixture is the Minkowski sum: its support function, the dual norm, is the sum of the parts'.
Finding minkowski(const std::string& family, const std::string& part) {
  double largest = 0;
  for (const double alpha : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    const auto mixture = c10::str(family, ":alpha=", alpha);
    largest = std::max(
        largest, largest_difference(
                     2, [&](const auto& s) { return dual_of(mixture, s); },
                     [&](const auto& s) { return alpha * dual_of(part, s) + (1 - alpha) * dual_of("frobenius", s); }));
  }
  return equal(family + "'s ball is alpha times the " + part + " one plus 1 - alpha times the Frobenius one", largest);
}

void balls(const Request& request, const std::string& name, const tasks::BallPicture& picture,
           std::vector<Finding> findings) {
  const int dimensions = static_cast<int>(picture.panels[0].balls[0].points[0].size());
  Record record{name,
                "Diagonal matrices of " + std::to_string(dimensions) + " singular values, float64.",
                "no seed; the farthest point of each ball along diag(1, 0, …), diag(1, 1, 0, …), …",
                {{"ball", "along 1 of them", "2"}},
                std::move(findings),
                {picture.file}};
  if (dimensions == 3) record.table.front().emplace_back("3");
  for (const auto& panel : picture.panels)
    for (const auto& ball : panel.balls) {
      const bool both = !panel.title.empty() && !ball.label.empty();
      std::vector<std::string> row = {panel.title + (both ? ", " : "") + ball.label};
      for (int ones = 1; ones <= dimensions; ++ones) {
        std::vector<double> sigma(static_cast<std::size_t>(dimensions), 0);
        std::fill_n(sigma.begin(), ones, 1.0);
        row.push_back(terminal::fixed(1 / value_of(ball.norm, sigma), 4));
      }
      record.table.push_back(std::move(row));
    }
  record::create_folder(request.out);
  record::write_atomically(request.out / "balls.json", tasks::to_json(std::vector{picture}).dump() + "\n");
  record::plot_balls(request.out);
  write_record(request, record);
}

}  // namespace

void figure_3(const Request& request) {
  balls(request, "fig-3", tasks::figure_3_balls(), {minkowski("f-muon", "spectral")});
}

void figure_5(const Request& request) {
  balls(request, "fig-5", tasks::figure_5_balls(), {minkowski("f-muon", "spectral"), minkowski("f-neon", "nuclear")});
}

void figure_6(const Request& request) {
  const auto largest = [](std::vector<double> s) {
    for (auto& x : s) x = std::abs(x);
    std::sort(s.rbegin(), s.rend());
    return s;
  };
  balls(request, "fig-6", tasks::figure_6_balls(),
        {equal("the Ky Fan 2-norm is the largest sum of two of |x|, |y|, |z|",
               largest_difference(
                   3, [](const auto& s) { return value_of("ky_fan:k=2", s); },
                   [&](const auto& s) { return largest(s)[0] + largest(s)[1]; })),
         equal("its dual is max{max |x|, (|x| + |y| + |z|)/2}",
               largest_difference(
                   3, [](const auto& s) { return value_of("ky_fan_dual:k=2", s); },
                   [&](const auto& s) {
                     const auto sorted = largest(s);
                     return std::max(sorted[0], (sorted[0] + sorted[1] + sorted[2]) / 2);
                   }))});
}

}  // namespace fanion::reproduce
