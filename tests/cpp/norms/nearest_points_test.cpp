#include "fanion/norms/nearest_points.h"

#include <ATen/ops/zeros.h>
#include <ATen/record_function.h>

#include "certificates.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

bool is_single_norm(const NormCase& c) {
  return c.has_projection && c.solver_tol == 0 && c.name.find('+') == std::string::npos;
}

TEST(NearestPoints, AreProjectionsOntoBallsOfEverySize) {
  for (const auto& V : {random_normal(8, 6, 641), 1e-3 * random_normal(6, 8, 642), with_spectrum(7, 7, {3, 3, 1}, 643)})
    for (const auto& c : norm_cases(V.size(0), V.size(1))) {
      if (!is_single_norm(c)) continue;
      SCOPED_TRACE(c.name);
      const double w = 0.7;
      const auto points = nearest_points(w, *c.norm, V);
      const double size = c.norm->value(V).item<double>() / w;
      EXPECT_NEAR(points->value(), size, 1e-12 * size);
      for (const double t : {0.02 * size, 0.5 * size, 0.99 * size, 2 * size}) {
        const auto P = c.norm->project(V / (w * t)) * (w * t);
        const double rest = w * c.norm->dual(V - P).item<double>();
        EXPECT_LE(relative_error(points->point(t), P), 1e-12) << t;
        EXPECT_NEAR(points->dual_of_rest(t), rest, 1e-12 * w * c.norm->dual(V).item<double>()) << t;
      }
      EXPECT_EQ(frobenius_norm(points->point(0)), 0);
    }
}

TEST(NearestPoints, OfZeroAreZero) {
  const auto V = at::zeros({5, 4}, at::kDouble);
  for (const auto& c : norm_cases(5, 4)) {
    if (!is_single_norm(c)) continue;
    const auto points = nearest_points(1, *c.norm, V);
    EXPECT_EQ(points->value(), 0) << c.name;
    EXPECT_EQ(points->dual_of_rest(1), 0) << c.name;
    EXPECT_EQ(frobenius_norm(points->point(1)), 0) << c.name;
  }
}

TEST(NearestPoints, OfSingularValuesDecomposeOnce) {
  const auto V = random_normal(8, 6, 644);
  for (const auto& c : norm_cases(8, 6)) {
    if (!is_single_norm(c) || c.name.starts_with("f_star")) continue;  // those project for every ball
    const auto points = nearest_points(1, *c.norm, V);
    static thread_local int64_t decompositions;
    decompositions = 0;
    const auto handle = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& f) -> std::unique_ptr<at::ObserverContext> {
          const std::string_view name = f.name();
          decompositions += name.find("svd") != name.npos || name.find("eigh") != name.npos ? 1 : 0;
          return nullptr;
        }).scopes({at::RecordScope::FUNCTION}));
    for (const double t : {0.1, 0.2, 0.3}) points->dual_of_rest(t), points->point(t);
    at::removeCallback(handle);
    EXPECT_EQ(decompositions, 0) << c.name;
  }
}

}  // namespace
}  // namespace fanion::norms
