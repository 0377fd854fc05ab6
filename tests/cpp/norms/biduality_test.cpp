// ‖X‖ = max_{‖D‖†≤1} ⟨X, D⟩: the value of every norm is the dual of its dual.

#include "certificates.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// How near the search below comes; the polyhedral norms set it.
constexpr double kNear = 1e-2;

/// min ‖D‖† over ⟨X, D⟩ = 1, which is 1/max_{‖D‖†≤1} ⟨X, D⟩, by the subgradient −lmo(D) of the dual norm with Polyak's
/// steps for a minimum a little below `target`, so that the target is passed where it is not the minimum.
double least_dual(const MatrixNorm& norm, const at::Tensor& X, double target) {
  const double size = frobenius_norm(X);
  auto D = X / (size * size);
  double least = std::numeric_limits<double>::infinity();
  for (int i = 0; i < 5000 && least > target * (1 + kNear / 2); ++i) {
    const auto Z = -to_dense(norm.lmo(D), D);
    const double reached = frobenius_inner(Z, D);
    least = std::min(least, reached);
    const auto step = Z - X * (frobenius_inner(Z, X) / (size * size));
    const double squared = frobenius_inner(step, step);
    if (squared == 0) break;  // D is the minimum
    D = D - step * ((reached - target * (1 - kNear / 2)) / squared);
    D = D / frobenius_inner(X, D);
  }
  return least;
}

TEST(Biduality, ValueIsTheLargestProductInTheDualBall) {
  for (const auto& [m, n] : {std::pair{4, 3}, {3, 5}})
    for (const auto& c : norm_cases(m, n)) {
      if (!c.has_value || c.solver_tol > 0) continue;
      for (const auto& X : {random_normal(m, n, 441), with_spectrum(m, n, {2, 1}, 442)}) {
        SCOPED_TRACE(c.name);
        const double target = 1 / c.norm->value(X).item<double>();
        EXPECT_NEAR(least_dual(*c.norm, X, target), target, kNear * target);
      }
    }
}

TEST(Biduality, DualPairsExchangeValueAndDual) {
  for (const auto& [name, A] : whole_zoo()) {
    const int64_t smaller = std::min(A.size(0), A.size(1));
    std::vector<std::pair<NormPtr, NormPtr>> pairs = {{max_entry(), entry_sum()}, {spectral(), nuclear()}};
    for (const int64_t k : {int64_t{1}, int64_t{4}, smaller})
      if (k <= smaller) pairs.emplace_back(ky_fan(k), ky_fan_dual(k));
    for (const double p : {1.0, 1.2, 1.5, 2.0}) pairs.emplace_back(schatten(p), schatten(1 / (1 - 1 / p)));
    // Sums of max(m, n) terms in two orders.
    const double tol = static_cast<double>(std::max(A.size(0), A.size(1))) * working_eps(A.scalar_type());
    for (const auto& [first, second] : pairs) {
      SCOPED_TRACE(name + " " + first->name());
      const auto expect_equal = [&](const at::Tensor& x, const at::Tensor& y) {
        EXPECT_NEAR(x.item<double>(), y.item<double>(), tol * y.item<double>());
      };
      expect_equal(first->value(A), second->dual(A));
      expect_equal(first->dual(A), second->value(A));
    }
  }
}

}  // namespace
}  // namespace fanion::norms
