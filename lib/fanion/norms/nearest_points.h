#pragma once

#include <memory>

#include "fanion/norms/matrix_norm.h"

namespace fanion::norms {

/// The points of t·w·B nearest to one matrix V, for as many t as asked for, where B is the unit ball of a norm: a
/// search for t decomposes V once.
class NearestPoints {
 public:
  virtual ~NearestPoints() = default;
  /// ‖V‖/w, the t from which on V is its own nearest point.
  virtual double value() const = 0;
  /// w‖V − P(t)‖† for the nearest point P(t), t ≥ 0; falls as t grows.
  virtual double dual_of_rest(double t) const = 0;
  /// P(t), (m, n).
  virtual at::Tensor point(double t) const = 0;
};

/// For a norm with a projection, at V (m, n), float64 on the CPU; w > 0. `norm` must outlive the result.
/// Cost: of a `KyFanForm` or frobenius one decomposition, and O(r) a call for its r magnitudes; of `ky_fan` likewise,
/// O(kr) a call; of others a projection and a dual norm a call.
std::unique_ptr<NearestPoints> nearest_points(double weight, const MatrixNorm& norm, const at::Tensor& V);

}  // namespace fanion::norms
