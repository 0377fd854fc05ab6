#pragma once

#include "fanion/norms/direction_rule.h"
#include "fanion/norms/rank.h"

namespace fanion::norms {

/// D = −P Qᵀ where m ≥ n: P = orth(M Q₀) with k orthonormal columns, Q = Mᵀ P with its columns over their 2-norms; Q₀
/// is the last Q. Where m < n the transpose of Mᵀ's. `passes` > 1: Q₀ ← Mᵀ P and P again, before.
///
/// Fanion-k where P spans singular vectors, which Q₀ turns towards as M changes slowly; unlike `ky_fan_dual(k)` it does
/// not rotate P to the singular vectors within its span, so that Q's columns are not orthogonal. The warm start has Q₀
/// in its first min(m, n) rows; without one Q₀ are normal numbers of a fixed seed. Columns are dropped whose ‖Mᵀ p_i‖
/// is at most max(m, n)·eps times the largest: a matrix of lower rank has no direction there. With `error_feedback`, a
/// `sum` without Nesterov and √(m/n) it is Dion's step. No norm's LMO. Throws where k > min(m, n). Cost: 4mnk flops a
/// pass, and a read of M. Source: Ahn & Xu 2025, Algorithm 1; github.com/microsoft/dion, whose Dion orthonormalises the
/// longer side.
RulePtr dion(Rank k, int64_t passes = 1);

}  // namespace fanion::norms
