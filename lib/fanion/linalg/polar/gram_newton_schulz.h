#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <vector>

#include "fanion/linalg/quintic.h"

namespace fanion::linalg {

/// Newton–Schulz on the Gram matrix: all `steps` from a normalised X, as `newton_schulz` calls it.
///
/// With R = XXᵀ and Q = I: Z = bR + cR², Q ← Q(aI + Z), R ← (aI + Z)R(aI + Z) for every step, then X ← QX.
/// X: (m, n) or (b, m, n) with m ≤ n, no singular value above 1, float. `first`: XXᵀ where it is known. Returns X's
/// dtype. Error: XXᵀ squares the singular values. Those below √u, u the dtype's unit roundoff, drown in the rounding of
/// R and come back as noise, even negative, which every step multiplies by a². Before that noise exceeds `gram_noise`,
/// X is multiplied out and R formed afresh (`gram_restarts`). There remains, beside the direct form's own rounding, a
/// distance to it of at most 5·u·Σ(Πa)² in the spectral norm, Π over a run between restarts and Σ over the runs.
/// Errors: ValueError where m > n, and where a restart would come after every step: that is the direct form.
/// Cost: 4m²n + 2(4s − 3)m³ flops for a run of s steps, where the direct form takes 4s·m²n + 2s·m³; less from n = 1.5m
/// on.
/// `complete`: what makes the whole XXᵀ of that of a block of X's columns, which X then is; of any width.
/// Source: Zhang, Amsel, Chen & Dao 2026, dao-ailab.github.io/blog/2026/gram-newton-schulz.
at::Tensor gram_newton_schulz(at::Tensor X, const std::vector<Quintic>& steps, at::Tensor first = {},
                              const std::function<at::Tensor(at::Tensor)>& complete = {});

/// Before which steps (counted from 0) a new run starts: the fewest that keep u·Πa² ≤ gram_noise before a run's last.
std::vector<std::size_t> gram_restarts(const std::vector<Quintic>& steps, at::ScalarType dtype);

/// The noise that R may bring to the last step of a run: 1e-3, or 0.05 in 16 bits, where 1e-3 would leave no run of
/// two steps.
double gram_noise(at::ScalarType dtype);

}  // namespace fanion::linalg
