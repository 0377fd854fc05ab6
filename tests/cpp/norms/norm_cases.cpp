#include "norms/norm_cases.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "fanion/norms/col_norm.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/f_star_rms.h"
#include "fanion/norms/f_star_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/rms_to_rms.h"
#include "fanion/norms/row_norm.h"
#include "fanion/norms/scaled_max_entry.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"
#include "oracle.h"

namespace fanion::testing {
namespace {

using at::Tensor;
using Formula = std::function<double(const Tensor&)>;

NormCase ky_fan_dual_case(const std::string& name, const norms::NormPtr& norm, int64_t k, double solver_tol = 0) {
  return {name, norm, [k](const Tensor& X) { return ky_fan_dual_norm(X, k); },
          [k](const Tensor& M) { return ky_fan(M, k); }, solver_tol};
}

/// The norm whose unit ball is `radius` times that of the case.
NormCase scaled(const NormCase& c, const std::string& name, const norms::NormPtr& norm, double radius) {
  auto result = c;
  result.name = name;
  result.norm = norm;
  result.value = [=](const Tensor& X) { return c.value(X) / radius; };
  result.dual = [=](const Tensor& M) { return c.dual(M) * radius; };
  return result;
}

NormCase schatten_case(double p) {
  const double q = p == 1 ? std::numeric_limits<double>::infinity() : std::isinf(p) ? 1 : p / (p - 1);
  NormCase c{"schatten_" + std::to_string(p), norms::schatten(p), [p](const Tensor& X) { return schatten_norm(X, p); },
             [q](const Tensor& M) { return schatten_norm(M, q); }};
  c.has_projection = p == 1 || p == 2 || std::isinf(p);
  return c;
}

NormCase entrywise(const std::string& name, const norms::NormPtr& norm, const Formula& value, const Formula& dual) {
  NormCase c{name, norm, value, dual};
  c.unitarily_invariant = false;
  return c;
}

double largest_row(const Tensor& A) {
  const auto rows = row_norms(A);
  return *std::max_element(rows.begin(), rows.end());
}
double sum_of_rows(const Tensor& A) {
  const auto rows = row_norms(A);
  return std::accumulate(rows.begin(), rows.end(), 0.0);
}

/// a·first + b·second as the library's dual sum; its dual by Lemma 7: the weighted sum of the duals.
NormCase summed(double a, const NormCase& first, double b, const NormCase& second) {
  NormCase c{std::to_string(a) + "*" + first.name + "+" + std::to_string(b) + "*" + second.name,
             norms::dual_sum({{a, first.norm}, {b, second.norm}}),
             {},
             [=](const Tensor& M) { return a * first.dual(M) + b * second.dual(M); },
             first.solver_tol};
  c.unitarily_invariant = first.unitarily_invariant && second.unitarily_invariant;
  c.has_projection = false;
  return c;
}

NormCase mixed(double alpha, const NormCase& first, const NormCase& second) {
  return summed(alpha, first, 1 - alpha, second);
}

/// Such a sum where no exact form of the value is known, on m × n matrices.
NormCase iterated(NormCase c, int64_t m, int64_t n) {
  constexpr int64_t kMostEntries = 48;  // beyond, thousands of SVDs a value are too many for the tests
  c.value_tol = kIteratedTol;
  c.has_value = m * n <= kMostEntries;
  return c;
}

/// An F- family: α·first + (1−α)·frobenius, where `first` is max(Σs/k, s₁) of the magnitudes s.
NormCase with_frobenius(double alpha, const NormCase& first, const NormCase& frobenius, int64_t k,
                        const std::function<std::vector<double>(const Tensor&)>& magnitudes = exact_singular_values) {
  auto c = mixed(alpha, first, frobenius);
  c.value_tol = 1e-13;  // of the bisection
  c.has_projection = true;
  c.value = [=](const Tensor& X) {
    if (alpha == 0) return frobenius.value(X);
    return alpha == 1 ? first.value(X) : sum_gauge_by_bisection(magnitudes(X), k, alpha, 1 - alpha);
  };
  return c;
}

std::vector<double> sorted_entries(const Tensor& X) {
  const auto x = X.detach().to(at::kDouble).abs().contiguous();
  std::vector<double> entries(x.const_data_ptr<double>(), x.const_data_ptr<double>() + x.numel());
  std::sort(entries.rbegin(), entries.rend());
  return entries;
}
std::vector<double> sorted_rows(const Tensor& X) {
  auto rows = row_norms(X);
  std::sort(rows.rbegin(), rows.rend());
  return rows;
}

/// F*-Neon's norms, by the formulas of their size; the duals from the threshold by bisection.
NormCase f_star_case(const std::string& name, const norms::NormPtr& norm, bool squares, double solver_tol = 0) {
  return {name, norm, [=](const Tensor& X) { return f_star_norm(exact_singular_values(X), squares); },
          [=](const Tensor& M) { return f_star_dual(exact_singular_values(M), squares); }, solver_tol};
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const NormCase& norm_case) { return out << norm_case.name; }

double norm_of(const NormCase& norm_case, const Tensor& X) {
  return norm_case.value ? norm_case.value(X) : norm_case.norm->value(X).item<double>();
}

std::vector<NormCase> norm_cases(int64_t m, int64_t n) {
  const int64_t smaller = std::min(m, n);
  const auto rows = static_cast<double>(m), columns = static_cast<double>(n);
  const norms::TripletOptions lanczos{.method = linalg::SvdMethod::lanczos};
  const NormCase frobenius{"frobenius", norms::frobenius(), frobenius_norm, frobenius_norm};
  const auto max_entry = entrywise("max_entry", norms::max_entry(), largest_entry, sum_of_entries);
  const auto sign =
      scaled(max_entry, "scaled_max_entry", norms::scaled_max_entry(), 1 / std::sqrt(std::max(rows, columns)));
  const auto spectral = ky_fan_dual_case("spectral", norms::spectral(), smaller);
  const auto nuclear = ky_fan_dual_case("nuclear", norms::nuclear(), 1);
  std::vector<NormCase> all = {frobenius,
                               max_entry,
                               sign,
                               entrywise("entry_sum", norms::entry_sum(), sum_of_entries, largest_entry),
                               entrywise("row_norm", norms::row_norm(), largest_row, sum_of_rows),
                               entrywise(
                                   "col_norm", norms::col_norm(), [](const Tensor& X) { return largest_row(X.t()); },
                                   [](const Tensor& M) { return sum_of_rows(M.t()); }),
                               spectral,
                               scaled(spectral, "rms_to_rms", norms::rms_to_rms(), std::sqrt(rows / columns)),
                               nuclear,
                               ky_fan_dual_case("nuclear_lanczos", norms::nuclear(lanczos), 1, 1e-5)};
  for (const double p : {1.0, 1.01, 1.5, 2.0, 4.0, 40.0, std::numeric_limits<double>::infinity()})
    all.push_back(schatten_case(p));
  for (const int64_t k : std::set<int64_t>{1, 2, 3, 7, smaller / 2, smaller}) {
    if (k < 1 || k > smaller) continue;
    const auto k_text = std::to_string(k);
    const auto exact = ky_fan_dual_case("ky_fan_dual_" + k_text, norms::ky_fan_dual(k), k);
    all.push_back(exact);
    all.push_back(ky_fan_dual_case("ky_fan_dual_lanczos_" + k_text, norms::ky_fan_dual(k, lanczos), k, 1e-5));
    all.push_back({"ky_fan_" + k_text, norms::ky_fan(k), exact.dual, exact.value});
    if (k != 3) continue;
    all.push_back(with_frobenius(0.6, exact, frobenius, 3));
    const auto sign_3 =
        scaled(max_entry, "scaled_max_entry_3", norms::scaled_max_entry(3), std::sqrt(3 / (rows * columns)));
    all.push_back(sign_3);
    all.push_back(iterated(summed(0.5, exact, 0.5 * 0.8, sign_3), m, n));  // s-fanion:k=3,scale=0.8
  }
  for (const double alpha : {0.0, 0.3, 1.0}) {
    all.push_back(with_frobenius(alpha, spectral, frobenius, smaller));
    all.push_back(with_frobenius(alpha, nuclear, frobenius, 1));
  }
  all.push_back(with_frobenius(0.4, max_entry, frobenius, m * n, sorted_entries));
  all.push_back(with_frobenius(0.7, all[3], frobenius, 1, sorted_entries));  // entry_sum
  all.push_back(with_frobenius(0.7, all[4], frobenius, m, sorted_rows));     // row_norm
  all.push_back(f_star_case("f_star_rms", norms::f_star_rms(), /*squares=*/true));
  all.push_back(f_star_case("f_star_sum", norms::f_star_sum(), /*squares=*/false));
  all.push_back(f_star_case("f_star_rms_lanczos", norms::f_star_rms(lanczos), /*squares=*/true, 1e-5));
  all.push_back(f_star_case("f_star_sum_lanczos", norms::f_star_sum(lanczos), /*squares=*/false, 1e-5));
  all.push_back(iterated(mixed(0.5, nuclear, max_entry), m, n));
  all.push_back(iterated(mixed(0.5, spectral, sign), m, n));  // s-muon
  return all;
}

}  // namespace fanion::testing
