#pragma once

#include "fanion/linalg/svd/inner_options.h"
#include "fanion/linalg/topk_svd.h"

/// How A judges and mends what was found on a narrow copy N ≈ scale·A of it. For mixed_svd.cpp.
namespace fanion::linalg {

/// Triplets of A on a space, and what AᵀÛ has beside V̂Ŝ, times Ŝ.
struct OnSpace {
  SvdResult result;
  at::Tensor left_over;
};

/// Rayleigh–Ritz of A on the span of (n, k) columns: triplets, residuals, and bounds with the help of `found`, which
/// were proved of N. Cost: AᵀA times k columns.
OnSpace on_space(const LinearOperator& A, const at::Tensor& columns, const SvdBounds& found, const Narrowed& narrow);

/// Residuals ‖Nᵀû − σ̂v̂‖ from which on going on with N is of no use: a quarter of what rounding has added to both of a
/// triplet's, if it prefers no direction. It is a quarter because residuals of N point at the nearest other vectors,
/// rounding anywhere: at equal sizes most of the error would be lack of convergence.
double enough_residual(const Narrowed& narrow);

/// Spends `left` passes on N corrected by what has been found, as long as that leaves steps between the reads of A;
/// returns how often. The error that N leaves falls with the square of what it was. `options`: for the method, with
/// `enough` as it was for N alone.
int64_t refine(const LinearOperator& A, int64_t k, InnerOptions options, const Narrowed& narrow, const SvdBounds& found,
               int64_t left, OnSpace& seen);

/// Puts what `A` was used for since `before` into a report.
void count_into(SvdReport& report, const LinearOperator& A, const ProductCount& before);
/// Adds what another run has cost.
void add_costs(SvdReport& report, const SvdReport& more);

}  // namespace fanion::linalg
