#include "fanion/norms/rank.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>

#include "fanion/norms/rule_text.h"

namespace fanion::norms {

Rank Rank::fraction(double f) {
  TORCH_CHECK_VALUE(f > 0 && f <= 1, "rank_fraction = ", f, " must lie in (0, 1]");
  Rank rank(0);
  rank.fraction_ = f;
  return rank;
}

int64_t Rank::of(int64_t m, int64_t n) const {
  return fraction_ == 0 ? k_ : static_cast<int64_t>(std::ceil(fraction_ * static_cast<double>(std::min(m, n))));
}

int64_t Rank::fitting(int64_t m, int64_t n, int64_t least) const {
  const auto k = of(m, n);
  TORCH_CHECK_VALUE(k >= least && k <= std::min(m, n), "k = ", k, " is out of range: a ", m, " x ", n,
                    " matrix allows ", least, " to ", std::min(m, n));
  return k;
}

void Rank::check_at_least(int64_t least) const {
  TORCH_CHECK_VALUE(fraction_ != 0 || k_ >= least, "k = ", k_, " must ",
                    least == 0 ? "not be negative" : c10::str("be at least ", least));
}

std::string Rank::text() const {
  return fraction_ == 0 ? c10::str("k=", k_) : c10::str("rank_fraction=", text_of(fraction_));
}

}  // namespace fanion::norms
