// The Python boundary of norms and rules: torch ops in the namespace `fanion`, beside those of torch_ops.cpp.
// Norms and rules come in as text, which the registry parses; directions go out, and come in again, as lists of terms.

#include <ATen/ops/empty.h>

#include "fanion/define_op.h"
#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/norms/adjust_lr_fn.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/registry.h"
#include "fanion/norms/rule_cache.h"
#include "fanion/norms/weighted_sum.h"

namespace fanion {
namespace {

using norms::cached_norm;
using MaybeTensors = c10::List<std::optional<at::Tensor>>;

/// A Direction in the order that directions.py reads: a kind and a coefficient for each term, and all their tensors in
/// a row: U, V of "low_rank"; M, scale of "scaled"; D of "dense"; M, L, V, scale of "residual:sign" and the like, with
/// None for those that are undefined.
using Terms = std::tuple<std::vector<std::string>, std::vector<double>, MaybeTensors>;
constexpr auto kTerms = "(str[] kinds, float[] coefs, Tensor?[] tensors)";
constexpr std::string_view kResidual = "residual:";

struct TermWriter {
  std::vector<std::string> kinds;
  std::vector<double> coefs;
  MaybeTensors tensors;

  void operator()(const norms::LowRankTerm& t) { add("low_rank", t.coef, {t.U, t.V}); }
  void operator()(const norms::ScaledTerm& t) { add("scaled", t.coef, {t.M, t.scale}); }
  void operator()(const norms::DenseTerm& t) { add("dense", t.coef, {t.D}); }
  void operator()(const norms::ResidualTerm& t) {
    add(c10::str(kResidual, norms::name_of(t.map)), t.coef, {t.M, t.L, t.V, t.scale});
  }

 private:
  void add(const std::string& kind, double coef, std::initializer_list<at::Tensor> parts) {
    kinds.push_back(kind);
    coefs.push_back(coef);
    for (const auto& part : parts) tensors.push_back(part.defined() ? std::optional(part) : std::nullopt);
  }
};

Terms terms_of(const norms::Direction& D) {
  TermWriter writer;
  for (const auto& term : D.terms) std::visit(writer, term);
  return {writer.kinds, writer.coefs, writer.tensors};
}

norms::Direction direction_of(const c10::List<std::string>& kinds, const c10::List<double>& coefs,
                              const MaybeTensors& tensors) {
  std::size_t next = 0;
  const auto take = [&] { return tensors.get(next++).value_or(at::Tensor()); };
  norms::Direction D;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::string& kind = kinds[i];
    const double coef = coefs[i];
    // Braces take the tensors from left to right.
    if (kind == "low_rank")
      D.terms.emplace_back(norms::LowRankTerm{coef, take(), take()});
    else if (kind == "scaled")
      D.terms.emplace_back(norms::ScaledTerm{coef, take(), take()});
    else if (kind == "dense")
      D.terms.emplace_back(norms::DenseTerm{coef, take()});
    else {
      TORCH_CHECK_VALUE(kind.starts_with(kResidual), "unknown kind of term '", kind, "'");
      const auto map = norms::residual_map_from_name(kind.substr(kResidual.size()));
      D.terms.emplace_back(norms::ResidualTerm{coef, map, take(), take(), take(), take()});
    }
  }
  return D;
}

Terms rule_direction(const at::Tensor& M, std::string_view rule) {
  linalg::check_finite(norms::working_matrix(M), "the matrix");
  return terms_of(norms::cached_rule(rule)->direction(M));
}

at::Tensor dense_direction(const c10::List<std::string>& kinds, const c10::List<double>& coefs,
                           const MaybeTensors& tensors, at::IntArrayRef shape, at::ScalarType dtype,
                           at::Device device) {
  const auto like = at::empty({}, at::device(device).dtype(dtype)).expand(shape);
  return norms::to_dense(direction_of(kinds, coefs, tensors), like);
}

Terms norm_direction(const at::Tensor& M, std::string_view norm) { return terms_of(cached_norm(norm)->lmo(M)); }

at::Tensor norm_value(const at::Tensor& X, std::string_view norm) { return cached_norm(norm)->value(X); }
at::Tensor norm_dual(const at::Tensor& M, std::string_view norm) { return cached_norm(norm)->dual(M); }
/// Bounds of the value, equal where it is exact: lower, upper, iterations, converged.
std::tuple<double, double, int64_t, bool> norm_gauge(const at::Tensor& X, std::string_view norm, double tol,
                                                     int64_t max_iterations) {
  const auto whole = cached_norm(norm);
  std::vector<norms::WeightedNorm> parts;
  if (const auto* sum = dynamic_cast<const norms::SumOfRules*>(whole.get()))
    for (const auto& [weight, rule] : sum->parts())
      parts.push_back({weight, std::dynamic_pointer_cast<const norms::MatrixNorm>(rule)});
  else
    parts.push_back({1, whole});
  const auto found = norms::dual_sum_gauge(parts, X, {.tol = tol, .max_iterations = max_iterations});
  return {found.lower, found.upper, found.iterations, found.converged};
}

// Matrices are contiguous, whatever M is: torch.compile must know that before they are there (_fake_ops.py).
at::Tensor norm_lmo(const at::Tensor& M, std::string_view norm) { return cached_norm(norm)->minimiser(M).contiguous(); }
at::Tensor norm_prox(const at::Tensor& M, double lam, std::string_view norm) {
  return cached_norm(norm)->prox(M, lam).contiguous();
}
at::Tensor norm_project(const at::Tensor& X, std::string_view norm) {
  return cached_norm(norm)->project(X).contiguous();
}
double norm_rho(int64_t m, int64_t n, std::string_view norm) { return cached_norm(norm)->rho(m, n); }

double lr_factor(std::string_view adjust_lr_fn, std::string_view rule, int64_t m, int64_t n) {
  const auto adjust = parse_name(norms::kAdjustLrFns, adjust_lr_fn, "adjust_lr_fn");
  return norms::lr_factor(adjust, *norms::cached_rule(rule), m, n);
}

std::string dual_sum(at::ArrayRef<double> weights, const c10::List<std::string>& parts) {
  std::vector<norms::WeightedNorm> weighted;
  for (std::size_t i = 0; i < weights.size(); ++i) weighted.push_back({weights[i], cached_norm(parts.get(i))});
  return norms::dual_sum(weighted)->name();
}

std::string canonical_rule(std::string_view text) { return norms::cached_rule(text)->name(); }
std::string canonical_norm(std::string_view text) { return cached_norm(text)->name(); }

/// A line a rule, in the order that norms.py reads; examples are separated by semicolons.
std::vector<std::string> rules() {
  std::vector<std::string> lines;
  for (const auto& rule : norms::known_rules()) {
    std::string examples;
    for (const auto& text : rule.examples) examples.append(examples.empty() ? "" : ";").append(text);
    lines.push_back(c10::str(rule.name, "\t", rule.keys, "\t", rule.summary, "\t", examples, "\t", rule.use, "\t",
                             rule.is_norm ? "norm" : "rule"));
  }
  return lines;
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(fanion, m) {
  define_op<rule_direction>(m, c10::str("rule_direction(Tensor M, str rule) -> ", kTerms));
  define_op<dense_direction>(
      m,
      "dense_direction(str[] kinds, float[] coefs, Tensor?[] tensors, int[] shape, ScalarType dtype, Device device) "
      "-> Tensor");
  define_op<norm_direction>(m, c10::str("norm_direction(Tensor M, str norm) -> ", kTerms));
  define_op<norm_value>(m, "norm_value(Tensor X, str norm) -> Tensor");
  define_op<norm_dual>(m, "norm_dual(Tensor M, str norm) -> Tensor");
  define_op<norm_gauge>(m,
                        "norm_gauge(Tensor X, str norm, *, float tol, int max_iterations) -> "
                        "(float lower, float upper, int iterations, bool converged)");
  define_op<norm_lmo>(m, "norm_lmo(Tensor M, str norm) -> Tensor");
  define_op<norm_prox>(m, "norm_prox(Tensor M, float lam, str norm) -> Tensor");
  define_op<norm_project>(m, "norm_project(Tensor X, str norm) -> Tensor");
  define_op<norm_rho>(m, "norm_rho(int m, int n, str norm) -> float");
  define_op<lr_factor>(m, "lr_factor(str adjust_lr_fn, str rule, int m, int n) -> float");
  define_op<dual_sum>(m, "dual_sum(float[] weights, str[] norms) -> str");
  define_op<canonical_rule>(m, "canonical_rule(str text) -> str");
  define_op<canonical_norm>(m, "canonical_norm(str text) -> str");
  define_op<rules>(m, "rules() -> str[]");
}

}  // namespace fanion
