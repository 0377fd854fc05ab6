#pragma once

#include "fanion/norms/direction_rule.h"

namespace fanion::optim {

/// Throws, naming the rules that do, where the directions of `rule` have not exactly one low-rank part.
void check_feedback(const norms::DirectionRule& rule);

/// Error feedback: B ← B − (1 − μ)·U Uᵀ B, U an orthonormal basis of the columns of the term that captures a part of M.
/// So B decays by μ in the directions that were stepped along, and keeps what the step left out.
///
/// B: (m, n), in place; float32 or float64. `at_B`: whether the direction was taken at B itself, of which the term then
/// captured U diag(S) Vᵀ; elsewhere (Nesterov) the projection costs a read of B more.
/// `layout`: where B and the term are blocks of a matrix spread over processes. Then the projection elsewhere costs
/// sums over its rows, of nk entries and of a few k × k matrices. Cost: a read and a write of B, 2mnk flops (4mnk +
/// 4mk²). Source: Ahn & Xu 2025 (Dion), Algorithm 1, whose P Rᵀ = P Pᵀ B this is.
void feed_back_(const at::Tensor& B, const norms::LowRankTerm& part, bool at_B, double mu,
                const norms::MatrixLayout* layout = nullptr);

}  // namespace fanion::optim
