#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

/// The slow obvious versions, from the exact float64 SVD. They share no code with lib/.
namespace fanion::testing {

/// Unit roundoff of what the library computes in: float64 for float64, float32 for everything else.
double working_eps(at::ScalarType dtype);

struct ExactSvd {
  at::Tensor U, S, V;  ///< float64, all min(m, n) triplets
};
ExactSvd exact_svd(const at::Tensor& A);
/// Descending, as numbers.
std::vector<double> exact_singular_values(const at::Tensor& A);

/// ⟨A, B⟩ and ‖A‖_F in float64, for entries of any scale.
double frobenius_inner(const at::Tensor& A, const at::Tensor& B);
double frobenius_norm(const at::Tensor& A);
/// Σ_{i≤k} σ_i; k = 1 is the spectral, k = min(m, n) the nuclear norm.
double ky_fan(const at::Tensor& A, int64_t k);
/// max(Σσ/k, σ₁).
double ky_fan_dual_norm(const at::Tensor& A, int64_t k);
/// (Σσ^p)^{1/p}, from the ratios to σ₁; p = ∞ is σ₁.
double schatten_norm(const at::Tensor& A, double p);
/// ‖row‖₂ of every row.
std::vector<double> row_norms(const at::Tensor& A);
/// The gauge at s (descending) of a·{max(Σx/k, max x) ≤ 1} + b·{‖x‖ ≤ 1} (KyFan eq. 19, 20), by bisection in it and in
/// the threshold of every nearest point. b > 0. Right to about 1e-16·(a + b)/b.
double sum_gauge_by_bisection(const std::vector<double>& s, int64_t k, double a, double b);
/// √((‖X‖_F² + ‖X‖_nuc²)/2) with `squares`, else (‖X‖_F + ‖X‖_nuc)/2, of singular values.
double f_star_norm(const std::vector<double>& sigma, bool squares);
/// Their dual norms: √(2(Σd² + τ²)) with d = [σ − τ]_+, Σd = τ; 2τ with Σd² = τ². τ by bisection.
double f_star_dual(const std::vector<double>& sigma, bool squares);
double largest_entry(const at::Tensor& A);
double sum_of_entries(const at::Tensor& A);

/// Σ_{i≤k} u_i v_iᵀ.
at::Tensor flattened_top(const at::Tensor& A, int64_t k);

using Coefficients = std::array<double, 3>;
/// `steps` times x ← ax + bx³ + cx⁵: what Newton–Schulz does to one singular value.
double quintic_chain(double x, const Coefficients& coefficients, int64_t steps);
double quintic_chain(double x, const std::vector<Coefficients>& steps);
/// Newton–Schulz of one float64 matrix by plain products, never transposed.
at::Tensor newton_schulz_reference(const at::Tensor& M, const Coefficients& coefficients, int64_t steps);
at::Tensor newton_schulz_reference(const at::Tensor& M, const std::vector<Coefficients>& steps);

/// Options of the reference step, in words of the papers.
struct ReferenceStep {
  double lr, momentum, weight_decay;
  bool nesterov, ema;
  std::function<double(double rows, double columns)> scale;
  std::function<at::Tensor(const at::Tensor&)> lmo;  ///< float64 (m, n) → (m, n)
};
struct ParameterAndMomentum {
  at::Tensor W, B;
};
/// One step in float64 from (W, B) with gradient g, on tensors of any shape with m = size(0).
ParameterAndMomentum lmo_step_reference(const at::Tensor& W, const at::Tensor& g, const at::Tensor& B,
                                        const ReferenceStep& step);

}  // namespace fanion::testing
