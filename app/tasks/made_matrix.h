#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace fanion::tasks {

/// U (m, k), S (k,), V (n, k) in float64: what errors are measured against.
struct ExactTriplets {
  at::Tensor U, S, V;
};

/// A matrix of a study and, where the maker knows them, its largest triplets.
struct MadeMatrix {
  at::Tensor A;                        ///< (m, n) float64
  std::optional<ExactTriplets> exact;  ///< of the float64 matrix
};

/// "5000" or "5000x500": rows and columns. Throws, saying what is allowed.
std::pair<int64_t, int64_t> parse_size(const std::string& text);

/// The singular values that a name stands for.
/// `gaussian` (once `normal`): independent standard Gaussian entries, whose singular values are not known beforehand;
/// `power:P`: σᵢ = i^−P; `geometric:Q`: σᵢ = Q^i, 0 < Q < 1.
struct Spectrum {
  enum class Family { gaussian, power, geometric } family;
  double parameter = 0;
};
/// Throws, naming the choices.
Spectrum parse_spectrum(const std::string& text);

/// m × n with that spectrum; a given one comes as H₁ diag(σ) H₂ᵀ, where H₁ and H₂ are products of three random
/// reflections each: the first k columns of H₁ and H₂ are its vectors, at a cost of O(mn).
MadeMatrix make_matrix(const Spectrum& spectrum, int64_t m, int64_t n, int64_t k, uint64_t seed);

}  // namespace fanion::tasks
