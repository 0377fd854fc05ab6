#include "fanion/norms/registry.h"

#include <functional>

#include "fanion/names.h"
#include "fanion/norms/col_norm.h"
#include "fanion/norms/deflated.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/f_star_rms.h"
#include "fanion/norms/f_star_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/mixture.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/rms_to_rms.h"
#include "fanion/norms/row_norm.h"
#include "fanion/norms/rule_arguments.h"
#include "fanion/norms/scaled_max_entry.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"

namespace fanion::norms {
namespace {

struct Entry {
  RuleInfo info;
  std::function<RulePtr(RuleArguments&)> make;
};

/// The options of a norm that is spectral by an exact polar factor (nothing) or by Newton-Schulz.
std::optional<linalg::NewtonSchulzOptions> polar_from(RuleArguments& a, const std::string& default_polar) {
  constexpr std::array<Named<bool>, 2> kExact{{{true, "exact"}, {false, "newton_schulz"}}};
  const bool exact = parse_name(kExact, a.word("polar", default_polar), "polar method");
  return exact ? std::nullopt : std::optional(a.newton_schulz());
}

const std::vector<Entry>& entries() {
  static const std::string kTriplets =
      "svd=auto|dense|lanczos|block_krylov|subspace|randomized|power, passes, oversample";
  static const std::string kPolar =
      "polar=exact|newton_schulz, ns_steps, ns_coefficients, ns_form=direct|gram, ns_dtype, eps";
  static const std::vector<Entry> table = {
      {{"frobenius", "", "M/|M|_F"}, [](RuleArguments&) { return frobenius(); }},
      {{"spectral", kPolar, "UV' (exact unless polar says otherwise)"},
       [](RuleArguments& a) { return spectral(polar_from(a, "exact")); }},
      {{"rms_to_rms", kPolar, "sqrt(m/n) UV'"}, [](RuleArguments& a) { return rms_to_rms(polar_from(a, "exact")); }},
      {{"nuclear", kTriplets, "u1 v1'"}, [](RuleArguments& a) { return nuclear(a.triplets({})); }},
      {{"ky_fan_dual", "k, " + kTriplets, "sum of the k leading u v'"},
       [](RuleArguments& a) { return ky_fan_dual(a.integer("k"), a.triplets({})); }},
      {{"ky_fan", "k", "u1 v1' where s1 >= sum(s)/k, else UV'/k"},
       [](RuleArguments& a) { return ky_fan(a.integer("k")); }},
      {{"schatten", "p", "U diag(s^(q-1)) V', scaled to p-norm 1; 1/p + 1/q = 1, p from 1 to inf"},
       [](RuleArguments& a) { return schatten(a.exponent("p")); }},
      {{"max_entry", "", "sign(M)"}, [](RuleArguments&) { return max_entry(); }},
      {{"scaled_max_entry", "k=min(m,n)", "sqrt(k/(mn)) sign(M), the Frobenius norm of ky_fan_dual(k)"},
       [](RuleArguments& a) { return a.has("k") ? scaled_max_entry(a.integer("k")) : scaled_max_entry(); }},
      {{"entry_sum", "", "the largest entry alone"}, [](RuleArguments&) { return entry_sum(); }},
      {{"row_norm", "", "M with its rows normalised"}, [](RuleArguments&) { return row_norm(); }},
      {{"col_norm", "", "M with its columns normalised"}, [](RuleArguments&) { return col_norm(); }},
      {{"f_star_rms", kTriplets, "U diag([s_i - t]_+) V' over its norm, sum [s_i - t]_+ = t"},
       [](RuleArguments& a) { return f_star_rms(a.triplets({})); }},
      {{"f_star_sum", kTriplets, "U diag([s_i - t]_+) V' over its norm, sum [s_i - t]_+^2 = t^2"},
       [](RuleArguments& a) { return f_star_sum(a.triplets({})); }},
      {{"nsgd", "", "normalised SGD: frobenius"}, [](RuleArguments&) { return frobenius(); }},
      {{"signum", "", "sign of the momentum: max_entry"}, [](RuleArguments&) { return max_entry(); }},
      {{"muon", kPolar, "spectral by Newton-Schulz"},
       [](RuleArguments& a) { return spectral(polar_from(a, "newton_schulz")); }},
      {{"neon", kTriplets, "nuclear, warm-started"},
       [](RuleArguments& a) { return nuclear(a.triplets(kTrainingTriplets)); }},
      {{"fanion", "k, " + kTriplets, "ky_fan_dual(k), warm-started"},
       [](RuleArguments& a) { return ky_fan_dual(a.integer("k"), a.triplets(kTrainingTriplets)); }},
      {{"f-muon", "alpha=0.5, " + kPolar, "alpha*muon + (1-alpha)*nsgd"},
       [](RuleArguments& a) {
         return with_frobenius(spectral(polar_from(a, "newton_schulz")), a.number("alpha", 0.5));
       }},
      {{"f-neon", "alpha=0.5, " + kTriplets, "alpha*neon + (1-alpha)*nsgd"},
       [](RuleArguments& a) { return with_frobenius(nuclear(a.triplets(kTrainingTriplets)), a.number("alpha", 0.5)); }},
      {{"f-fanion", "k, alpha=0.5, " + kTriplets, "alpha*fanion(k) + (1-alpha)*nsgd"},
       [](RuleArguments& a) {
         return with_frobenius(ky_fan_dual(a.integer("k"), a.triplets(kTrainingTriplets)), a.number("alpha", 0.5));
       }},
      {{"s-muon", "alpha=0.5, scale=1, " + kPolar, "alpha*muon + (1-alpha)*scale*scaled_max_entry"},
       [](RuleArguments& a) {
         return with_sign(spectral(polar_from(a, "newton_schulz")), a.number("alpha", 0.5), a.number("scale", 1));
       }},
      {{"s-fanion", "k, alpha=0.5, scale=1, " + kTriplets, "alpha*fanion(k) + (1-alpha)*scale*scaled_max_entry(k)"},
       [](RuleArguments& a) {
         const auto k = a.integer("k");
         return with_sign(ky_fan_dual(k, a.triplets(kTrainingTriplets)), a.number("alpha", 0.5), a.number("scale", 1),
                          k);
       }},
      {{"d-fanion", "k, residual=sign|row_norm|col_norm|frobenius|clip, " + kTriplets, "fanion(k) + map of the rest"},
       [](RuleArguments& a) {
         const auto map = residual_map_from_name(a.word("residual", "sign"));
         return deflated(a.integer("k"), map, a.triplets(kTrainingTriplets));
       }},
  };
  return table;
}

RulePtr single_rule(std::string_view text) {
  const auto colon = text.find(':');
  const auto name = text.substr(0, colon);
  std::string known;
  for (const auto& entry : entries()) {
    known.append(known.empty() ? "" : ", ").append(entry.info.name);
    if (!same_name(entry.info.name, name)) continue;
    RuleArguments arguments(name, colon == std::string_view::npos ? "" : text.substr(colon + 1));
    auto rule = entry.make(arguments);
    arguments.check_all_used();
    return rule;
  }
  TORCH_CHECK_VALUE(false, "unknown rule '", name, "'", did_you_mean(name, known), "; choose one of: ", known);
}

WeightedRule weighted_rule(std::string_view text) {
  const auto star = text.find('*');
  if (star == std::string_view::npos) return {1, single_rule(text)};
  return {parse_number(text.substr(0, star), "the weight before '*'"), single_rule(text.substr(star + 1))};
}

}  // namespace

const std::vector<RuleInfo>& known_rules() {
  static const auto infos = [] {
    std::vector<RuleInfo> list;
    for (const auto& entry : entries()) list.push_back(entry.info);
    return list;
  }();
  return infos;
}

RulePtr rule_from_name(std::string_view text) {
  constexpr std::string_view kPlus = " + ";
  if (text.find('*') == std::string_view::npos && text.find(kPlus) == std::string_view::npos) return single_rule(text);
  std::vector<WeightedRule> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const auto end = std::min(text.find(kPlus, begin), text.size());
    parts.push_back(weighted_rule(text.substr(begin, end - begin)));
    begin = end == text.size() ? end + 1 : end + kPlus.size();
  }
  return mixture(parts);
}

NormPtr norm_from_name(std::string_view text) {
  auto norm = std::dynamic_pointer_cast<const MatrixNorm>(rule_from_name(text));
  TORCH_CHECK_VALUE(norm, "'", text, "' is a rule but no norm: it has no value and no dual");
  return norm;
}

}  // namespace fanion::norms
