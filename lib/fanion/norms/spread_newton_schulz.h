#pragma once

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/matrix_layout.h"

namespace fanion::norms {

/// Whether matrices spread like this are orthogonalised by `spread_newton_schulz` rather than on one process each:
/// their longer side is split, the shorter is not, and the Gram matrices of it that are added up (an all-reduce sends
/// each about twice) have fewer entries than the block (mn/p, sent twice as well).
bool takes_spread_newton_schulz(const MatrixLayout& layout, const linalg::NewtonSchulzOptions& options);

/// Newton–Schulz of a batch of spread matrices, this process's block: the Gram form
/// (linalg/polar/gram_newton_schulz.h), whose Gram matrices are sums over the processes, so that all but these is done
/// here. M: (b, m, n), computed in float64 where it is, else in float32 whatever `options.dtype`. `eps` as there. Cost:
/// for each run of steps one sum of b·s² entries, s the shorter side, and one of b for the norm.
at::Tensor spread_newton_schulz(const at::Tensor& M, const linalg::NewtonSchulzOptions& options,
                                const MatrixLayout& layout);

}  // namespace fanion::norms
