#pragma once

#include <ATen/core/Tensor.h>

#include <limits>
#include <vector>

#include "fanion/host_numbers.h"
#include "fanion/linalg/svd_report.h"

/// What the small projected problem tells about the singular values that were not computed.
///
/// Throughout, V has orthonormal columns, A V = U B with orthonormal U, θᵢ = σ̂ᵢ² are the eigenvalues of T = BᵀB,
/// descending, and AᵀA V = V T + V₊ C E_lastᵀ, where V₊ ⊥ V has orthonormal columns (a block Lanczos relation).
namespace fanion::linalg {

/// The relation above, tensors on the CPU in float64.
struct LanczosRelation {
  std::vector<double> theta;  ///< p eigenvalues of T, descending
  at::Tensor vectors;         ///< (p, p) its eigenvectors
  at::Tensor coupling;        ///< C, (b₊, b): how much of AᵀA V leaves the space, from the last b basis vectors
  /// Coordinates of a standard Gaussian block Ω = V·start in the basis, (p, b); undefined if none lies in it.
  at::Tensor start;
  int64_t limit = 0;              ///< min(m, n), the number of singular values
  double frobenius_squared = -1;  ///< ‖A‖_F², negative if unknown
  double eps = 0;                 ///< unit roundoff of the working precision
};

/// Upper bounds λᵢ ≤ … of the i-th largest eigenvalues of AᵀA, i = 1 … k + 1.
///
/// Proved: λᵢ ≤ θᵢ + ‖A‖_F² − Σθ (because λⱼ ≥ θⱼ for all j, and they sum to ‖A‖_F²).
/// Probabilistic: let X hold the first i eigenvectors and P drop the i − 1 leading Ritz vectors. If λᵢ ≥ x, then some
/// unit z gives ‖ΩᵀXz‖ ≤ ‖C‖_F·max_{λ≥x}‖startᵀP(λ − T)⁻¹E_last‖; but Ω is random, and X is not, so with
/// probability 1 − δ ‖ΩᵀXz‖ ≥ σ_min(ΩᵀX) ≥ c (Halko, Martinsson & Tropp 2011, Proposition A.3). The x where the two
/// meet is the bound. It needs i random columns. Only half the columns are taken for i, which makes c much larger; that
/// is still a bound while no more than `most_alike` singular values agree closely, for the argument can be made for
/// each group of close values alone. Solvers that see a larger group (`kAlike`) add random columns.
std::vector<double> proved_bounds(const LanczosRelation& relation, int64_t k);
std::vector<double> random_bounds(const LanczosRelation& relation, int64_t k);

struct EigenvalueBounds {
  std::vector<double> upper;  ///< k + 1 of them, infinite where nothing is known
  BoundKind kind = BoundKind::none;
  double rest = std::numeric_limits<double>::infinity();  ///< proved bound of Σ_{i≤k}(λᵢ − θᵢ)
};
/// The smaller of each pair, and `rest` (see `unseen`).
EigenvalueBounds tightest(const std::vector<double>& proved, const std::vector<double>& random, double rest);
/// ‖A‖_F² − Σθ, which no eigenvalue, nor any number of them together, can lie above its Ritz values; infinite if
/// unknown.
double unseen(const LanczosRelation& relation);

/// How many values may agree for bounds from a random block of so many columns, and how closely they agree then:
/// to kAlike·λ.
int64_t most_alike(int64_t columns);
constexpr double kAlike = 1e-4;
/// Fewer random columns than this give no bounds: a group of equal values would show as one.
constexpr int64_t kLeastRandom = 4;

/// How probable it is at most that one set of probabilistic bounds fails.
constexpr double kFailureProbability = 1e-6;

/// c with P(σ_min(ΩᵀX) < c) ≤ kFailureProbability for standard Gaussian Ω (n × b) and fixed orthonormal X (n × i), i ≤
/// b.
double least_component(int64_t b, int64_t i);

}  // namespace fanion::linalg
