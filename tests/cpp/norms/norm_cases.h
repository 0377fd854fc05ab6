#pragma once

#include <functional>
#include <string>
#include <vector>

#include "fanion/norms/matrix_norm.h"

namespace fanion::testing {

/// Relative error of values that the library finds by iteration: those of sums without an exact form.
inline constexpr double kIteratedTol = 1e-6;

/// A norm of the library beside the formulas of its value and dual, by the oracle.
struct NormCase {
  std::string name;
  norms::NormPtr norm;
  std::function<double(const at::Tensor&)> value;  ///< empty where no formula is known (dual sums)
  std::function<double(const at::Tensor&)> dual;
  /// What its solver may add to the rounding of a dual gap: Lanczos stops at 1e-5·σ₁.
  double solver_tol = 0;
  /// Relative error of `norm_of` beyond rounding: of a formula that bisects differences, or of the library's iteration.
  double value_tol = 0;
  /// Whether ‖QXP‖ = ‖X‖ for orthogonal Q and P.
  bool unitarily_invariant = true;
  /// Whether the library projects onto its unit ball.
  bool has_projection = true;
  /// Whether tests take the value: not of large matrices where it is iterated, with many SVDs for each one.
  bool has_value = true;

  /// Whether they may look for rounding errors in it, and take thousands of values.
  bool has_exact_value() const { return has_value && value_tol < kIteratedTol; }
};
std::ostream& operator<<(std::ostream& out, const NormCase& norm_case);

/// ‖X‖ by the formula, or by the library where there is none.
double norm_of(const NormCase& norm_case, const at::Tensor& X);

/// Every norm that fits an m × n matrix: all kinds, several k and p, the F- families at α = 0, 0.3, 1.
std::vector<NormCase> norm_cases(int64_t m, int64_t n);

}  // namespace fanion::testing
