#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

namespace fanion::linalg {

/// How the triplets are found; each method's file opens with its algorithm and references.
/// `automatic`: the cheapest by a measured cost model (cost_model.h), or the best that a fixed number of passes gives;
/// `dense`: LAPACK on the formed matrix; `lanczos`: thick-restart Golub–Kahan–Lanczos, one vector at a time, little
/// memory; `block_krylov`: the same with blocks, a large basis and rare restarts: the fast one for large matrices;
/// `subspace`: block power iteration, for warm starts (what a training step uses);
/// `randomized`: Halko–Martinsson–Tropp; `power`: power iteration with deflation, the baseline.
enum class SvdMethod { automatic, dense, lanczos, block_krylov, subspace, randomized, power };

/// When to stop, with ε = tol, σ̂, Û, V̂ what is returned and σ, U, V exact:
/// `residual`: max(‖Av̂ᵢ − σ̂ᵢûᵢ‖, ‖Aᵀûᵢ − σ̂ᵢv̂ᵢ‖) ≤ ε·σ̂₁ for every i ≤ k;
/// `rank_k`: ‖ÛŜV̂ᵀ − UₖSₖVₖᵀ‖_F ≤ ε·‖UₖSₖVₖᵀ‖_F (Table 2 of KyFan);
/// `lmo_gap`: ⟨A, ÛV̂ᵀ⟩ = Σσ̂ᵢ ≥ (1 − ε)·Σ_{i≤k}σᵢ, the Ky Fan k-norm;
/// `passes`: after `passes` passes, whatever has been reached.
/// The bounds behind `rank_k` and `lmo_gap` are in svd_bounds.h.
enum class SvdCriterion { residual, rank_k, lmo_gap, passes };

/// `converged`: the criterion's inequality holds; `exhausted`: passes or restarts ran out, or working precision was
/// reached, before that, and the best triplets are returned; `passes`: the fixed budget was spent.
enum class SvdStatus { converged, exhausted, passes };

/// `full`: every product with A as it is given. `mixed`: all passes but the last use A stored in half the size (float16
/// for float32, float32 for float64), the last one A itself. `bfloat16`: the same with A stored as bfloat16 and vectors
/// rounded to it, twice as fast on processors with products of bfloat16 pairs, and two passes over A itself at the end,
/// which correct it; for fixed passes. `int8`: A stored as signed bytes, 1 % off, for fixed passes on large matrices.
/// See mixed_svd.h.
enum class SvdPrecision { full, mixed, bfloat16, int8 };

/// What the Krylov methods start from without a guess. `random`: a standard Gaussian block, on which the probabilistic
/// bounds rest. `sampled`: for `passes`, what some of A's rows show of the leading directions (sampled_start.h), better
/// by a pass or two where the spectrum decays, with proved bounds alone; random where A does not show its rows.
/// `automatic`: `sampled` for `passes`, else `random`.
enum class SvdStart { automatic, random, sampled };

struct SvdOptions {
  SvdMethod method = SvdMethod::automatic;
  SvdCriterion criterion = SvdCriterion::rank_k;
  double tol = 1e-2;
  /// Most passes over A, one being an A·V and an Aᵀ·U. `passes` needs it, the others have no limit without it
  /// but `max_restarts`.
  std::optional<int64_t> passes;
  SvdPrecision precision = SvdPrecision::full;
  /// Extra columns of the block methods, and of the iteration behind a sampled start, that are not asked for; they
  /// speed convergence.
  int64_t oversample = 4;
  /// Krylov methods: columns a block; 0 chooses by k (1 for lanczos).
  int64_t block = 0;
  /// Krylov methods: most basis vectors, k < basis ≤ min(m, n); 0 chooses by k and method.
  int64_t basis = 0;
  int64_t max_restarts = 300;
  SvdStart start = SvdStart::automatic;
  /// Guess of the right singular vectors, (n, j) with j ≥ 1; it need not be orthonormal. Undefined: random. Fixed
  /// passes start from it as it is, its leading columns first; the other criteria from mixtures of it, beside the
  /// random columns on which their bounds rest.
  at::Tensor warm_start;
  /// Source of all randomness. Without one a fixed sequence is used: same input, same result.
  std::optional<at::Generator> generator;
};

SvdMethod svd_method_from_name(std::string_view name);
SvdCriterion svd_criterion_from_name(std::string_view name);
SvdPrecision svd_precision_from_name(std::string_view name);
SvdStart svd_start_from_name(std::string_view name);
std::string_view name_of(SvdMethod method);
std::string_view name_of(SvdCriterion criterion);
std::string_view name_of(SvdPrecision precision);
std::string_view name_of(SvdStart start);
std::string_view name_of(SvdStatus status);

}  // namespace fanion::linalg
