#pragma once

#include <optional>
#include <vector>

#include "fanion/linalg/small_matrix.h"

namespace fanion::linalg {

/// A = Σ valuesᵢ vᵢvᵢᵀ, values descending, vᵢ the rows of `vectors`.
struct SymmetricEigen {
  std::vector<double> values;
  SmallMatrix vectors;
};

/// All eigenvalues and vectors of symmetric A (n × n), whose upper triangle is read, to a few n·2⁻⁵³·‖A‖.
///
/// For n up to about 16, where LAPACK's call takes longer than the arithmetic (n = 1, 4, 8: 0.1, 0.8, 3 µs against 4, 5
/// and 8). Nothing where the iteration does not converge, as for NaN.
/// Source: Golub & Van Loan, Matrix Computations, 8.3: Householder tridiagonalisation, implicit QR with Wilkinson's
/// shift. Cost: about 9n³ flops.
std::optional<SymmetricEigen> symmetric_eigen(SmallMatrix A);

}  // namespace fanion::linalg
