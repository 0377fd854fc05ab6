#pragma once

#include <cstdint>
#include <string>

namespace fanion::norms {

/// How many triplets of a matrix: k, or of an m × n one ⌈f·min(m, n)⌉ for a fraction f in (0, 1], as Dion counts them.
class Rank {
 public:
  // NOLINTNEXTLINE(google-explicit-constructor): a number is a rank
  Rank(int64_t k) : k_(k) {}
  /// Throws unless 0 < f ≤ 1.
  static Rank fraction(double f);

  /// k of m × n matrices; a k that was given may be larger than they allow.
  int64_t of(int64_t m, int64_t n) const;
  /// The same; throws where there are not so many triplets.
  int64_t fitting(int64_t m, int64_t n, int64_t least = 1) const;
  /// Throws where a k that was given is smaller.
  void check_at_least(int64_t least) const;
  /// Whether it is 0 for every matrix.
  bool is_zero() const { return fraction_ == 0 && k_ == 0; }
  /// "k=3" or "rank_fraction=0.25".
  std::string text() const;

 private:
  int64_t k_ = 0;
  double fraction_ = 0;  ///< 0 where k counts
};

}  // namespace fanion::norms
