#include "norms/norm_cases.h"

#include <algorithm>
#include <set>

#include "fanion/norms/dual_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/spectral.h"
#include "oracle.h"

namespace fanion::testing {
namespace {

using at::Tensor;

NormCase ky_fan_case(const std::string& name, const norms::NormPtr& norm, int64_t k, double solver_tol = 0) {
  return {name, norm, [k](const Tensor& X) { return ky_fan_dual_norm(X, k); },
          [k](const Tensor& M) { return ky_fan(M, k); }, solver_tol};
}

/// α·first + (1−α)·second as the library's dual sum; its dual by Lemma 7: the weighted sum of the duals.
NormCase mixed(double alpha, const NormCase& first, const NormCase& second, bool has_value = true) {
  return {std::to_string(alpha) + "*" + first.name + "+" + second.name,
          norms::dual_sum({{alpha, first.norm}, {1 - alpha, second.norm}}),
          {},
          [=](const Tensor& M) { return alpha * first.dual(M) + (1 - alpha) * second.dual(M); },
          first.solver_tol,
          /*value_tol=*/1e-11,
          has_value};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const NormCase& norm_case) { return out << norm_case.name; }

std::vector<NormCase> norm_cases(int64_t m, int64_t n) {
  const int64_t smaller = std::min(m, n);
  const norms::TripletOptions lanczos{.method = linalg::SvdMethod::lanczos};
  const NormCase frobenius{"frobenius", norms::frobenius(), frobenius_norm, frobenius_norm};
  const NormCase max_entry{"max_entry", norms::max_entry(), largest_entry, sum_of_entries};
  const auto spectral = ky_fan_case("spectral", norms::spectral(), smaller);
  const auto nuclear = ky_fan_case("nuclear", norms::nuclear(), 1);
  std::vector<NormCase> all = {frobenius, max_entry, spectral, nuclear,
                               ky_fan_case("nuclear_lanczos", norms::nuclear(lanczos), 1, 1e-5)};
  for (const int64_t k : std::set<int64_t>{1, 2, 3, 7, smaller / 2, smaller}) {
    if (k < 1 || k > smaller) continue;
    const auto k_text = std::to_string(k);
    const auto exact = ky_fan_case("ky_fan_dual_" + k_text, norms::ky_fan_dual(k), k);
    all.push_back(exact);
    all.push_back(ky_fan_case("ky_fan_dual_lanczos_" + k_text, norms::ky_fan_dual(k, lanczos), k, 1e-5));
    if (k == 3) all.push_back(mixed(0.6, exact, frobenius));
  }
  for (const double alpha : {0.0, 0.3, 1.0}) {
    all.push_back(mixed(alpha, spectral, frobenius));
    all.push_back(mixed(alpha, nuclear, frobenius));
  }
  all.push_back(mixed(0.5, nuclear, max_entry, /*has_value=*/false));
  return all;
}

}  // namespace fanion::testing
