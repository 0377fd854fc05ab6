#pragma once

#include <optional>
#include <vector>

#include "fanion/linalg/dense/small_matrix.h"

namespace fanion::linalg {

/// A = Σ valuesᵢ vᵢvᵢᵀ, values descending, vᵢ the rows of `vectors`.
struct SymmetricEigen {
  std::vector<double> values;
  SmallMatrix vectors;
};

/// All eigenvalues and vectors of symmetric A (n × n), whose upper triangle is read, to a few n·2⁻⁵³·‖A‖.
///
/// For n up to about 48, where LAPACK's calls take longer than the arithmetic (n = 1, 8, 24, 48: 0.1, 1.8, 17 and 94 µs
/// against 3, 7, 27 and 95 on a Zen 5). Nothing where the iteration does not converge, as for NaN.
/// Source: Golub & Van Loan, Matrix Computations, 8.3: Householder tridiagonalisation, implicit QR with Wilkinson's
/// shift. Cost: about 9n³ flops.
std::optional<SymmetricEigen> symmetric_eigen(SmallMatrix A);

}  // namespace fanion::linalg
