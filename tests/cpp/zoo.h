#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

namespace fanion::testing {

/// One matrix that every solver and norm must handle.
struct Specimen {
  std::string name;  ///< "graded_float32"
  at::Tensor A;      ///< m × n, float32, float64 or bfloat16; maybe not contiguous
};
std::ostream& operator<<(std::ostream& out, const Specimen& specimen);

/// The zoo in one dtype: zero, rank-deficient, clustered, graded, wide, tall, tiny, huge, strided, …
/// Small (at most 70 × 70), each from its own seed, the same in every run.
std::vector<Specimen> zoo(at::ScalarType dtype);
/// The zoo in float64, float32 and bfloat16.
const std::vector<Specimen>& whole_zoo();

/// m × n standard normal, float64, from its own generator.
at::Tensor random_normal(int64_t m, int64_t n, uint64_t seed);
/// m × n with orthonormal columns (rows if m < n), float64.
at::Tensor random_orthonormal(int64_t m, int64_t n, uint64_t seed);
/// m × n float64 matrix with the given singular values (at most min(m, n); the rest are 0) and random vectors.
at::Tensor with_spectrum(int64_t m, int64_t n, const std::vector<double>& sigma, uint64_t seed);
/// first, first·ratio, … (count of them).
std::vector<double> geometric(int64_t count, double ratio, double first = 1);

}  // namespace fanion::testing
