#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "fanion/norms/matrix_norm.h"

namespace fanion::tasks {

using Point = std::vector<double>;

/// The boundary of a norm's unit ball among the diagonal matrices: {σ : ‖diag(σ)‖ = 1}, all signs and orders of σ.
///
/// The point in direction d is d/‖diag(d)‖ in float64, from the norm's own `value` (or `dual`): no formula is
/// written twice.
struct NormBall {
  std::string label;
  std::string norm;  ///< canonical name
  bool dual;
  std::vector<Point> points;                      ///< in the plane in order, the first one again at the end
  std::vector<std::array<int64_t, 3>> triangles;  ///< in space
};

/// In the (σ₁, σ₂) plane, with directions spread until every chord is within 5e-5 of the boundary (of the ball's size),
/// exactly the multiples of 45° among them: corners there are exact, others to that accuracy.
NormBall ball_in_plane(const std::string& label, const norms::NormPtr& norm, bool dual = false);

/// In (σ₁, σ₂, σ₃), over a grid on the cube whose lines hold every edge at which |σ_i| = |σ_j|, σ_i = 0 or
/// |σ_i| = |σ_j| + |σ_k|: the edges of the Ky Fan balls, spectral and nuclear among them, are exact. Signs and order of
/// σ, which no norm of the library sees, are tried once: some hundred values.
NormBall ball_in_space(const std::string& label, const norms::NormPtr& norm, bool dual = false);

nlohmann::json to_json(const NormBall& ball);

}  // namespace fanion::tasks
