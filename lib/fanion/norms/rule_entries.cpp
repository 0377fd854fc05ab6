#include "fanion/norms/rule_entries.h"

#include "fanion/linalg/svd_method_traits.h"
#include "fanion/names.h"
#include "fanion/norms/col_norm.h"
#include "fanion/norms/deflated.h"
#include "fanion/norms/dion.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/f_star_rms.h"
#include "fanion/norms/f_star_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/mixture.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/prox_step.h"
#include "fanion/norms/rms_to_rms.h"
#include "fanion/norms/row_norm.h"
#include "fanion/norms/scaled_max_entry.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"

namespace fanion::norms {
namespace {

/// The options of a norm that is spectral by an exact polar factor (nothing) or by Newton-Schulz.
std::optional<linalg::NewtonSchulzOptions> polar_from(RuleArguments& a, const std::string& default_polar) {
  constexpr std::array<Named<bool>, 2> kExact{{{true, "exact"}, {false, "newton_schulz"}}};
  const bool exact = parse_name(kExact, a.word("polar", default_polar), "polar method");
  return exact ? std::nullopt : std::optional(a.newton_schulz());
}

/// An S- family's mixture: its sign part is as large as the other for every shape, times `scale`, or `eta` everywhere.
RulePtr with_sign_from(RuleArguments& a, const NormPtr& norm, std::optional<Rank> k = std::nullopt) {
  const double alpha = a.number("alpha", 0.5);
  const bool matched = a.has("scale"), constant = a.has("eta");
  TORCH_CHECK_VALUE(!matched || !constant,
                    "a rule takes eta, the size of the sign's entries, or scale, which is "
                    "relative to the other part, not both");
  return constant ? with_constant_sign(norm, alpha, a.number("eta", 0))
                  : with_sign(norm, alpha, a.number("scale", 1), k);
}

}  // namespace

const std::vector<RuleEntry>& rule_entries() {
  static const std::string kTriplets = c10::str("svd=", linalg::svd_method_names("|"), ", passes, oversample");
  static const std::string kSign = "alpha=0.5, scale=1 or eta, ";
  static const std::string kRank = "k, rank_fraction";  // one of them
  static const std::string kPolar =
      "polar=exact|newton_schulz, ns_steps, ns_coefficients, ns_form=auto|direct|gram, ns_norm=frobenius|schatten_4, "
      "ns_dtype, eps";
  static const std::vector<RuleEntry> table = {
      {{"frobenius", "", "M/|M|_F", {"frobenius"}, "the cheapest step, a safe one"},
       [](RuleArguments&) { return frobenius(); }},
      {{"spectral",
        kPolar,
        "UV' (exact unless polar says otherwise)",
        {"spectral"},
        "hidden matrices: every direction of M gets the same size"},
       [](RuleArguments& a) { return spectral(polar_from(a, "exact")); }},
      {{"rms_to_rms", kPolar, "sqrt(m/n) UV'", {"rms_to_rms"}, "hidden matrices, one rate for all widths and shapes"},
       [](RuleArguments& a) { return rms_to_rms(polar_from(a, "exact")); }},
      {{"nuclear", kTriplets, "u1 v1'", {"nuclear"}, "steps of rank one, few numbers to send"},
       [](RuleArguments& a) { return nuclear(a.triplets({})); }},
      {{"ky_fan_dual", kRank + ", " + kTriplets, "sum of the k leading u v'", {"ky_fan_dual:k=3"}, "steps of rank k"},
       [](RuleArguments& a) { return ky_fan_dual(a.rank(), a.triplets({})); }},
      {{"ky_fan",
        kRank,
        "u1 v1' where s1 >= sum(s)/k, else UV'/k",
        {"ky_fan:k=3"},
        "rank one where M nearly is, else all directions alike"},
       [](RuleArguments& a) { return ky_fan(a.rank()); }},
      {{"schatten",
        "p",
        "U diag(s^(q-1)) V', scaled to p-norm 1; 1/p + 1/q = 1, p from 1 to inf",
        {"schatten:p=1.5", "schatten:p=4"},
        "to turn between nuclear, frobenius and spectral by one number"},
       [](RuleArguments& a) { return schatten(a.exponent("p")); }},
      {{"max_entry", "", "sign(M)", {"max_entry"}, "embeddings and heads; sign descent"},
       [](RuleArguments&) { return max_entry(); }},
      {{"scaled_max_entry",
        "k=min(m,n), rank_fraction",
        "sqrt(k/(mn)) sign(M), the Frobenius norm of ky_fan_dual(k)",
        {"scaled_max_entry", "scaled_max_entry:k=3"},
        "the same in the units of a Fanion"},
       [](RuleArguments& a) { return a.has_rank() ? scaled_max_entry(a.rank()) : scaled_max_entry(); }},
      {{"entry_sum", "", "the largest entry alone", {"entry_sum"}, "one entry a step"},
       [](RuleArguments&) { return entry_sum(); }},
      {{"row_norm", "", "M with its rows normalised", {"row_norm"}, "embeddings and heads whose rows are tokens"},
       [](RuleArguments&) { return row_norm(); }},
      {{"col_norm", "", "M with its columns normalised", {"col_norm"}, "those whose columns are"},
       [](RuleArguments&) { return col_norm(); }},
      {{"f_star_rms",
        kTriplets,
        "U diag([s_i - t]_+) V' over its norm, sum [s_i - t]_+ = t",
        {"f_star_rms"},
        "a step as long as the gradient says, by its prox"},
       [](RuleArguments& a) { return f_star_rms(a.triplets({})); }},
      {{"f_star_sum",
        kTriplets,
        "U diag([s_i - t]_+) V' over its norm, sum [s_i - t]_+^2 = t^2",
        {"f_star_sum"},
        "the same for the sum of the two norms"},
       [](RuleArguments& a) { return f_star_sum(a.triplets({})); }},
      {{"nsgd", "", "normalised SGD: frobenius", {"nsgd"}, "baseline"}, [](RuleArguments&) { return frobenius(); }},
      {{"signum", "", "sign of the momentum: max_entry", {"signum"}, "baseline"},
       [](RuleArguments&) { return max_entry(); }},
      {{"gauss-southwell", "", "entry_sum: one coordinate a step", {"gauss-southwell"}, "baseline"},
       [](RuleArguments&) { return entry_sum(); }},
      {{"sgd", "lambd=1", "M/lambd: prox of frobenius", {"sgd"}, "baseline whose steps are as long as the gradient"},
       [](RuleArguments& a) { return sgd(a.number("lambd", 1)); }},
      {{"kernel-neon",
        "lambd=1, " + kTriplets,
        "s1 u1 v1'/lambd: prox of nuclear",
        {"kernel-neon:svd=auto"},
        "rank-one steps as long as the gradient says"},
       [](RuleArguments& a) { return kernel_neon(a.number("lambd", 1), a.triplets(kTrainingTriplets)); }},
      {{"f-star-neon",
        "form=rms|sum, lambd=1, " + kTriplets,
        "U diag([s_i - t]_+) V', times 2/lambd for rms: prox of f_star_rms or f_star_sum",
        {"f-star-neon:svd=auto", "f-star-neon:form=sum,svd=auto"},
        "low-rank steps as long as the gradient says"},
       [](RuleArguments& a) {
         const auto form = parse_name(kFStarForms, a.word("form", "rms"), "F* form");
         return f_star_neon(form, a.number("lambd", 1), a.triplets(kTrainingTriplets));
       }},
      {{"muon", kPolar, "spectral by Newton-Schulz", {"muon:polar=exact"}, "hidden matrices: the best loss a step"},
       [](RuleArguments& a) { return spectral(polar_from(a, "newton_schulz")); }},
      {{"neon", kTriplets, "nuclear, warm-started", {"neon:svd=auto"}, "rank-one steps in training"},
       [](RuleArguments& a) { return nuclear(a.triplets(kTrainingTriplets)); }},
      {{"fanion",
        kRank + ", " + kTriplets,
        "ky_fan_dual(k), warm-started",
        {"fanion:k=3,svd=auto"},
        "rank-k steps in training"},
       [](RuleArguments& a) { return ky_fan_dual(a.rank(), a.triplets(kTrainingTriplets)); }},
      {{"f-muon",
        "alpha=0.5, " + kPolar,
        "alpha*muon + (1-alpha)*nsgd",
        {"f-muon:polar=exact"},
        "Muon, less sure of its small directions"},
       [](RuleArguments& a) {
         return with_frobenius(spectral(polar_from(a, "newton_schulz")), a.number("alpha", 0.5));
       }},
      {{"f-neon",
        "alpha=0.5, " + kTriplets,
        "alpha*neon + (1-alpha)*nsgd",
        {"f-neon:svd=auto"},
        "Neon with the gradient's own direction"},
       [](RuleArguments& a) { return with_frobenius(nuclear(a.triplets(kTrainingTriplets)), a.number("alpha", 0.5)); }},
      {{"f-fanion",
        kRank + ", alpha=0.5, " + kTriplets,
        "alpha*fanion(k) + (1-alpha)*nsgd",
        {"f-fanion:k=3,svd=auto"},
        "a Fanion with the gradient's own direction"},
       [](RuleArguments& a) {
         return with_frobenius(ky_fan_dual(a.rank(), a.triplets(kTrainingTriplets)), a.number("alpha", 0.5));
       }},
      {{"s-muon",
        kSign + kPolar,
        "alpha*muon + (1-alpha)*scale*scaled_max_entry, or (1-alpha)*eta*max_entry",
        {"s-muon:polar=exact", "s-muon:eta=0.01,polar=exact"},
        "Muon with a sign"},
       [](RuleArguments& a) { return with_sign_from(a, spectral(polar_from(a, "newton_schulz"))); }},
      {{"s-fanion",
        kRank + ", " + kSign + kTriplets,
        "alpha*fanion(k) + (1-alpha)*scale*scaled_max_entry(k), or (1-alpha)*eta*max_entry",
        {"s-fanion:k=3,svd=auto", "s-fanion:k=3,eta=0.01,svd=auto"},
        "a Fanion with a sign"},
       [](RuleArguments& a) {
         const auto k = a.rank();
         return with_sign_from(a, ky_fan_dual(k, a.triplets(kTrainingTriplets)), k);
       }},
      {{"d-fanion",
        kRank + ", residual=sign|row_norm|col_norm|frobenius|clip|newton_schulz, " + kTriplets +
            ", ns_steps=2, ns_coefficients, ns_form, ns_norm=schatten_4, ns_dtype",
        "fanion(k) + map of the rest",
        {"d-fanion:k=3", "d-fanion:k=3,residual=newton_schulz"},
        "nearly Muon, much cheaper on large matrices"},
       [](RuleArguments& a) {
         const auto map = residual_map_from_name(a.word("residual", "sign"));
         auto steps = few_newton_schulz_steps();
         if (map == ResidualMap::newton_schulz) steps = a.newton_schulz(steps);
         return deflated(a.rank(), map, a.triplets(kTrainingTriplets), steps);
       }},
      {{"dion",
        kRank + ", passes=1",
        "P Q', P = orth(M Q of the last step), Q = M'P with unit columns",
        {"dion:k=3"},
        "Dion, with error_feedback: rank-k steps whose rest is kept"},
       [](RuleArguments& a) { return dion(a.rank(), a.integer("passes", 1)); }},
  };
  return table;
}

}  // namespace fanion::norms
