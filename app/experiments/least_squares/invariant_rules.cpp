#include "experiments/least_squares/invariant_rules.h"

#include <set>

namespace fanion::experiments::least_squares {
namespace {

/// "0.3*fanion:k=2" → "fanion"
std::string name_of(const std::string& part) {
  const auto star = part.find('*');
  const auto begin = part.find_first_not_of(' ', star == std::string::npos ? 0 : star + 1);
  if (begin == std::string::npos) return "";
  return part.substr(begin, part.find_first_of(": ", begin) - begin);
}

}  // namespace

bool unitarily_invariant(const std::string& rule, const optim::LmoStepOptions& step) {
  if (step.adapt != optim::Adapt::none || step.weight_decay_method == optim::WeightDecayMethod::cautious) return false;
  static const std::set<std::string> kInvariant = {"frobenius",  "nsgd",   "spectral",    "muon",        "rms_to_rms",
                                                   "nuclear",    "neon",   "ky_fan",      "ky_fan_dual", "fanion",
                                                   "schatten",   "f-muon", "f-neon",      "f-fanion",    "f_star_rms",
                                                   "f_star_sum", "sgd",    "kernel-neon", "f-star-neon"};
  for (std::size_t begin = 0; begin <= rule.size();) {
    const auto end = std::min(rule.find(" + ", begin), rule.size());
    if (!kInvariant.contains(name_of(rule.substr(begin, end - begin)))) return false;
    begin = end + 3;
  }
  return true;
}

}  // namespace fanion::experiments::least_squares
