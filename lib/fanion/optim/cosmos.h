#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <functional>

#include "fanion/norms/direction.h"

namespace fanion::optim {

/// What COSMOS keeps of an m × n matrix for the rank r, or of a stack of them with b in front; changed in place.
struct CosmosState {
  at::Tensor basis;          ///< U (n, r): orthonormal columns that follow the leading eigenvectors of the mean of gᵀg
  at::Tensor covariance;     ///< S (r, r): Uᵀ(mean of gᵀg)U, over 4^exponent
  at::Tensor second_moment;  ///< V (m, r): the mean of (gU)², entry by entry, over 4^exponent
  at::Tensor count;          ///< steps so far, 0-dimensional or (b,)
  at::Tensor exponent;       ///< of S and V, an integer, likewise
};

/// Their names, in this order.
inline constexpr std::array kCosmosKinds{"cosmos_basis", "cosmos_covariance", "cosmos_second_moment", "cosmos_step",
                                         "cosmos_exponent"};

/// Numbers of the step, 0-dimensional or (b, 1, 1), and what is the same for all of a stack.
struct CosmosNumbers {
  at::Tensor momentum, gamma, beta;  ///< μ, γ, β₂
  bool nesterov, is_sum;             ///< how M came of the gradients
  double length;                     ///< ‖D‖_F
};

/// COSMOS: Adam in the basis of the r leading eigenvectors of the mean of gᵀg (SOAP's update of one side), and another
/// rule for what M has outside of it.
///
///     U ← orth(β₂US + (1−β₂)gᵀgU),  S ← UᵀE U of the new U, E the mean of gᵀg,  V ← β₂V + (1−β₂)(gU)²,
///     A = M̂U/(√V̂ + 1e-8·max √V̂)·Uᵀ,  B = −rest(M − MUUᵀ),  D = −length·G/‖G‖_F,  G = A + γ√(mn)·B/‖B‖_F,
///
/// M̂ and V̂ being M and V over the sums of their weights, as in Adam. Of a zero M the direction is zero.
///
/// g, M: (m, n), or (b, m, n) and then all tensors with b in front; float32 or float64. `rest`: the direction of a
/// rule, at a multiple of M. The gradients' scale does not matter, up to the ends of their range. Zero gradients leave
/// U alone. Cost: 12mnr flops, a QR of n × r, and the rule's; g and M over 2^exponent, M − MUUᵀ and D are formed.
/// Source: Liu et al. 2025, arXiv 2502.17410, Algorithm 1, with the Nesterov form and the scale of the authors' code,
/// whose 1e-8 is absolute and whose first U is exact, of the first gradient; here it comes of one power step from a
/// Gaussian start, as the others do.
norms::Direction cosmos_direction(const at::Tensor& g, const at::Tensor& M, const CosmosState& state,
                                  const CosmosNumbers& numbers,
                                  const std::function<norms::Direction(const at::Tensor&)>& rest);

}  // namespace fanion::optim
