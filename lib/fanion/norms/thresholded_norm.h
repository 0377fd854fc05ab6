#pragma once

#include <vector>

#include "fanion/norms/singular.h"

namespace fanion::norms {

/// A norm N(σ) of the singular values whose prox is −μ·U diag([σ_i − τ]_+) Vᵀ: the F*-Neon norms.
///
/// lmo −U diag(d/N(d)) Vᵀ with d = [σ − τ]_+, from the triplets above τ only: k grows until σ_k ≤ τ, which the host
/// decides, so that a step waits for the device. The nearest point of the unit ball is U diag(d/N(d)) Vᵀ with a
/// smaller threshold. Values are exact up to rounding; directions as good as `TripletOptions` makes the triplets.
/// ρ = 1: N is at least the Frobenius norm and equal to it at rank 1.
class ThresholdedNorm : public MatrixNorm {
 public:
  double rho_of(int64_t, int64_t) const final { return 1; }
  QuadraticMaximum maximum(const QuadraticForm& form) const final {
    return {form.products().front(), true, "lambda_max(A) lambda_max(B)"};
  }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const final;
  int64_t warm_columns(int64_t m, int64_t n) const final;
  std::string name() const final;
  int low_rank_parts() const final { return 1; }
  double nominal_frobenius(int64_t m, int64_t n) const final;

 protected:
  at::Tensor value_of(const at::Tensor& X) const final;
  at::Tensor dual_of(const at::Tensor& M) const final;
  at::Tensor projection_of(const at::Tensor& X) const final;

  ThresholdedNorm(std::string kind, TripletOptions options) : kind_(std::move(kind)), options_(options) {}

  /// τ of the leading singular values given, σ descending: that of all of them once the last is ≤ τ.
  virtual double threshold(const std::vector<double>& sigma) const = 0;
  /// N, given Σσ and √(Σσ²).
  virtual double size(double sum, double norm) const = 0;
  /// ‖M‖† given its τ, Σd and √(Σd²).
  virtual double dual_size(double tau, double sum, double norm) const = 0;
  /// N of the nearest point of the ball that has threshold `theta` ≤ τ, given Σd and √(Σd²); falls as theta grows.
  virtual double projected_size(double theta, double sum, double norm) const = 0;

 private:
  double threshold_of(std::vector<double> sigma) const;
  ScaledTriplets more_triplets(const at::Tensor& X, int64_t k, const at::Tensor& V) const;
  double threshold_of_projection(const std::vector<double>& sigma) const;

  std::string kind_;
  TripletOptions options_;
};

}  // namespace fanion::norms
