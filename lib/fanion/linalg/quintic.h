#pragma once

#include <array>

namespace fanion::linalg {

/// (a, b, c) of one step X ← aX + b(XXᵀ)X + c(XXᵀ)²X, the odd quintic ax + bx³ + cx⁵ on every singular value.
using Quintic = std::array<double, 3>;

inline double evaluate(const Quintic& p, double x) {
  const double square = x * x;
  return x * (p[0] + square * (p[1] + square * p[2]));
}

}  // namespace fanion::linalg
