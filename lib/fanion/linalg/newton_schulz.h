#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>
#include <vector>

#include "fanion/linalg/coefficient_sets.h"

namespace fanion::linalg {

/// `direct`: every step multiplies the m × n iterate; `gram`: the steps run on the m × m Gram matrix, m ≤ n, and only
/// a few products have the long side (gram_newton_schulz.h): less work for long matrices, less accuracy; `automatic`:
/// `direct`, or for a training step one of them by a fixed table (polar/newton_schulz_choice.h).
enum class NewtonSchulzForm { automatic, direct, gram };

/// What a matrix is divided by before the first step, so that no singular value exceeds 1: ‖M‖_F, or the Schatten-4
/// norm ‖MMᵀ‖_F^½, which lies nearer to σ₁ where the spectrum is flat, so that fewer steps do. It comes from a product
/// that the first step needs anyway.
enum class NewtonSchulzNorm { frobenius, schatten_4 };

struct NewtonSchulzOptions {
  /// One entry per step; a single entry is used for all `steps`.
  std::vector<Quintic> coefficients = {{3.4445, -4.7750, 2.0315}};
  int64_t steps = 5;
  /// Dtype of the products; undefined: the matrix's own on the CPU (float32 for 16-bit input; a training step asks that
  /// table); on accelerators, where its products are several times faster, bfloat16 for the direct and float16 for the
  /// Gram form, which needs its digits.
  std::optional<at::ScalarType> dtype;
  /// X₀ = M / max(‖M‖_F, eps). 0 keeps matrices of any size orthogonal; torch and Keller Jordan use 1e-7,
  /// which shrinks the result where ‖M‖_F is below it.
  double eps = 0;
  NewtonSchulzForm form = NewtonSchulzForm::automatic;
  NewtonSchulzNorm norm = NewtonSchulzNorm::frobenius;
};

/// Approximate polar factor U Vᵀ of M = U S Vᵀ, by Newton–Schulz.
///
/// X ← aX + b(XXᵀ)X + c(XXᵀ)²X from X₀ = M/‖M‖_F, or over another `norm`: the odd quintic on every singular value.
/// M: (m, n) or a batch (b, m, n), any float dtype and device; never written to. Returns the products' dtype.
/// Error: coefficient_sets.h has, for every named set, where singular values come out in exact arithmetic: with the
/// default one those above 1.6e-3·‖M‖_F within 0.68 … 1.21 (smaller ones below that: 0.47 at 1e-3). Rounding adds
/// about u·Πa in the direct form (u the unit roundoff of the products); the Gram form adds what its file says.
/// Zero gives zero.
/// Throws on other shapes, no steps, a coefficient list that is neither 1 nor `steps` long, or a Gram form that would
/// restart after every step.
/// Cost: 2·steps·(2m²n + m³) flops with m ≤ n, on the CPU as little as 5/8 of the symmetric ones among them
/// (polar/block_products.h). Source: Jordan et al. 2024b; torch.optim.Muon.
at::Tensor newton_schulz(const at::Tensor& M, const NewtonSchulzOptions& options = {});

/// `options.dtype`, or what stands for it at M.
at::ScalarType dtype_of_products(const at::Tensor& M, const NewtonSchulzOptions& options);

/// The coefficients of every step.
std::vector<Quintic> step_coefficients(const NewtonSchulzOptions& options);

NewtonSchulzForm newton_schulz_form_from_name(std::string_view name);
std::string_view name_of(NewtonSchulzForm form);
NewtonSchulzNorm newton_schulz_norm_from_name(std::string_view name);
std::string_view name_of(NewtonSchulzNorm norm);

}  // namespace fanion::linalg
