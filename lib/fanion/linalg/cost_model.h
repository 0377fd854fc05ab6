#pragma once

#include <array>
#include <filesystem>
#include <string>

#include "fanion/linalg/svd_options.h"

/// How long a method should take, from what a machine was measured to do: what `automatic` chooses by.
namespace fanion::linalg {

/// Columns of the blocks that `SvdRates::gram` is measured with.
inline constexpr std::array<int64_t, 6> kRateColumns{1, 2, 4, 8, 16, 32};
/// Sizes of the square matrices that `SvdRates::svd` and `SvdCosts::eigh` are measured with.
inline constexpr std::array<int64_t, 5> kRateSizes{64, 128, 256, 512, 1024};

/// What one working precision costs.
struct SvdRates {
  std::array<double, 6> gram;  ///< seconds for AᵀA X per element of A, by `kRateColumns`
  double gemm;                 ///< seconds per flop of a product of two square matrices
  double basis;                ///< seconds to split a block at Q (svd_calibration.cpp) per element of Q and column
  std::array<double, 5> svd;   ///< seconds of LAPACK's SVD by `kRateSizes`
};

/// What a machine costs. The defaults were measured by `fanion svd --calibrate` on two threads of an AMD EPYC with
/// AVX-512, torch 2.13's CPU build; only their ratios matter to a choice.
struct SvdCosts {
  SvdRates float32;  ///< and the 16-bit dtypes
  SvdRates float64;
  std::array<double, 5> eigh;  ///< seconds of LAPACK's symmetric eigenproblem in float64, by `kRateSizes`
  double step;                 ///< seconds a Krylov step takes on a tiny matrix: calls, small allocations
};
SvdCosts default_costs();

/// The costs in use: of the file that FANION_SVD_COSTS names, else of costs_file() where that exists, else the
/// defaults; read once a process. Throws where a file cannot be read.
const SvdCosts& svd_costs();
/// $XDG_CONFIG_HOME/fanion/svd_costs.json, or ~/.config/fanion/svd_costs.json; empty where neither is set.
std::filesystem::path costs_file();
/// Reads {"float32": {"gram": […], "gemm": …, "basis": …, "svd": […]}, "float64": {…}, "eigh": […], "step": …}; the two
/// are called "single" and "twice" in older files. Other keys are left alone. Throws naming the file and the key that
/// is missing or not positive.
SvdCosts read_costs(const std::filesystem::path& file);
/// The same as JSON text.
std::string to_json(const SvdCosts& costs);

/// A problem as far as its cost goes.
struct SvdShape {
  int64_t m, n, k;
  bool in_double = false;  ///< working precision
  SvdCriterion criterion = SvdCriterion::rank_k;
  double tol = 1e-2;
  int64_t passes = 0;  ///< of the criterion `passes`
  int64_t block = 0;   ///< as in SvdOptions
  int64_t oversample = 4;
  bool warm = false;  ///< whether there is a warm start
};

/// Steps of a block Krylov method until the criterion holds on a matrix of which nothing is known:
///   s = 0.17·(k + b)^0.27·ln(4√n/tol)/√γ,
///   γ = edge·((k + b)^{2/3} − k^{2/3}),   edge = (m^{−1/2} + n^{−1/2})^{1/3}/(√m + √n),   n ≤ m.
/// γ is the relative gap between σ_k and σ_{k+b} at the edge of a random spectrum (Tracy–Widom's scale; the b-th next
/// because a block of b resolves b values at once), the logarithm what a random start needs from 1/√n to tol (Chebyshev
/// polynomials; Saad 1980). The constant and the power of k + b, for the values that must be found first, are measured:
/// within 20 % for k = 1 … 500 and n = 400 … 5000 with the default blocks. Random edges are the hardest that training
/// meets, so decaying spectra need fewer. `lmo_gap` needs no gap: s is at most ln(4√n/tol)/(2√tol) (Musco & Musco
/// 2015). A warm start saves the part of the logarithm that comes before tol.
double krylov_steps(const SvdShape& shape);

/// Seconds that a run should take, for m ≥ n (else of Aᵀ), b the block, p = min(s·b, n):
///   dense:        the lesser of
///     LAPACK      svd(n) + 13(m − n)n²·gemm (a QR factorisation before, a product with Q after)
///     the Gram matrix (not for float64): 2mn²·gemm in float64 + eigh(n) + (2mnk + 64mk²)·gemm
///   block_krylov: s·(mn·gram(b) + step) + basis·np²/2 + 2·eigh(p) + 2(m + n)pk·gemm
///   subspace:     p passes of mn·gram(k + o) + 4(m + n)(k + o)²·gemm·8; it has none but of the criterion `passes`
/// svd and eigh between measured sizes by the power law through the neighbours, gram beyond 32 columns in proportion,
/// or as products of 4mnb flops where those are cheaper. Throws for methods without a model: `automatic` never picks
/// those.
double lapack_seconds(const SvdShape& shape, const SvdCosts& costs);
double gram_seconds(const SvdShape& shape, const SvdCosts& costs);
double predicted_seconds(SvdMethod method, const SvdShape& shape, const SvdCosts& costs);

}  // namespace fanion::linalg
