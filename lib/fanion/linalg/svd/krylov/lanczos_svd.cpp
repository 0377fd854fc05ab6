// Method: thick-restart Lanczos, one vector at a time: the least memory.
// Algorithm: krylov_svd.cpp with blocks of one vector and a small basis, on AᵀA or AAᵀ, whichever is smaller, as in
//   KyFan §3. Where squares lose what is asked for (residuals near working precision, values below √eps·σ₁),
//   Golub–Kahan bidiagonalisation, which never squares A.
// References: Wu & Simon 1998 (thick restart); Baglama & Reichel 2005, Algorithm 3.1 (the two-sided form);
//   Daniel, Gragg, Kaufman & Stewart 1976 (twice is enough).
// Rounding: bases are fully reorthogonalised, so they stay orthonormal to working precision. The recurrence breaks
//   where a new vector drowns in rounding (norm ≤ 10·eps of what it is part of): the space is then invariant, and the
//   basis goes on with a random vector and a zero in the projected matrix.
// Multiplicity: the Krylov space of one vector holds one copy of a multiple singular value; after convergence the
//   loop looks again with a fresh random vector, which finds one more copy each time.

#include <algorithm>

#include "fanion/linalg/svd/krylov/krylov_svd.h"
#include "fanion/linalg/svd/svd_bounds.h"
#include "fanion/linalg/svd/svd_methods.h"

namespace fanion::linalg {

SvdResult lanczos_svd(const LinearOperator& A, int64_t k, const InnerOptions& options) {
  // Bounds come from the Krylov space of one cycle, which must be deep enough for them.
  const int64_t basis = options.basis > 0                    ? options.basis
                        : rests_on_bounds(options.criterion) ? 4 * k + 150
                                                             : std::max<int64_t>(3 * k + 16, 40);
  const bool images = options.passes || !is_light(A, k, options);
  return krylov_svd(A, k, options, {.block = std::max<int64_t>(options.block, 1), .capacity = basis, .images = images});
}

}  // namespace fanion::linalg
