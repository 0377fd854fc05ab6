#pragma once

#include <optional>

#include "fanion/norms/direction_rule.h"
#include "fanion/norms/ky_fan_form.h"
#include "fanion/norms/quadratic_maximum.h"

namespace fanion::norms {

/// A norm on m × n matrices with what an LMO method needs of it.
///
/// ‖M‖† = max_{‖D‖≤1} ⟨M, D⟩ is the dual norm; lmo(M) = argmin_{‖D‖≤1} ⟨M, D⟩, so ⟨M, lmo(M)⟩ = −‖M‖†
/// (KyFan eq. 2, 3). A direction is certified by its gap 1 − ⟨M, −D⟩/‖M‖† and by ‖D‖ ≤ 1.
/// Input: (m, n), or a batch (b, m, n) whose matrices are taken one after another; any float dtype and device.
/// Results are on that device, float64 for float64 input, else float32, which is also what is computed in.
/// Entries may have any finite scale: what would leave the range is computed at another, and only a result that lies
/// beyond the dtype comes out infinite, or 0.
/// Throws where a matrix has no entries, has NaN or infinite ones, or does not fit the norm.
class MatrixNorm : public DirectionRule {
 public:
  /// ‖X‖: 0-dimensional, or (b,).
  at::Tensor value(const at::Tensor& X) const;
  /// ‖M‖†: 0-dimensional, or (b,).
  at::Tensor dual(const at::Tensor& M) const;
  /// ρ with ‖X‖† ≤ ρ‖X‖_F on m × n matrices (assumption A3 of NuclearNorm): the least such for single norms, which is
  /// also max_{‖D‖≤1} ‖D‖_F; Σ w_i ρ_i, at least that, for sums.
  double rho(int64_t m, int64_t n) const;
  /// ρ, which every LMO attains that lies in an extreme point of one Frobenius norm.
  double nominal_frobenius(int64_t m, int64_t n) const override { return rho(m, n); }
  /// max_{‖D‖≤1} ⟨D, A D B⟩, or a proved upper bound: by `ky_fan_form` where that has one, else ρ²λ_max(A)λ_max(B).
  /// Throws where m × n matrices do not fit the norm.
  virtual QuadraticMaximum maximum(const QuadraticForm& form) const;

  /// What this norm is on m × n matrices where it has such a form; `dual_sum` and `maximum` ask.
  virtual std::optional<KyFanForm> ky_fan_form(int64_t, int64_t) const { return std::nullopt; }

  /// argmin_{‖D‖≤1} ⟨M, D⟩ of one matrix, as terms. `direction` is the same without the look for NaN and Inf.
  Direction lmo(const at::Tensor& M, at::Tensor* warm = nullptr) const;
  /// argmin_{‖D‖≤1} ⟨M, D⟩ as a tensor of M's shape.
  at::Tensor minimiser(const at::Tensor& M) const;
  /// argmin_X ⟨M, X⟩ + (λ/2)‖X‖² = (‖M‖†/λ)·lmo(M), as a tensor (Proposal eq. 1–3, λ/2 for λ). λ > 0.
  at::Tensor prox(const at::Tensor& M, double lambda) const;
  /// argmin_{‖Y‖≤1} ‖X − Y‖_F, the nearest point of the unit ball, as a tensor; a point of the ball is returned
  /// as it is. Throws where no closed or one-dimensional form is known.
  at::Tensor project(const at::Tensor& X) const;

 protected:
  /// The same for one matrix: 2-dimensional, float32 or float64, finite, with at least one entry, whose largest entry
  /// is in the middle of the range (power_of_two.h), but for `projection_of`, which takes any.
  virtual at::Tensor value_of(const at::Tensor& X) const = 0;
  virtual at::Tensor dual_of(const at::Tensor& M) const = 0;
  virtual at::Tensor projection_of(const at::Tensor& X) const;
  /// For m, n ≥ 1 that fit the norm.
  virtual double rho_of(int64_t m, int64_t n) const = 0;
};

using NormPtr = std::shared_ptr<const MatrixNorm>;

/// M in the precision norms compute in: float64 stays, everything else becomes float32. Throws unless M is a
/// 2-dimensional float tensor with at least one entry.
at::Tensor working_matrix(const at::Tensor& M);

}  // namespace fanion::norms
