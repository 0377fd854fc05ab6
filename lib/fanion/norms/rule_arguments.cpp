#include "fanion/norms/rule_arguments.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "fanion/dtype_names.h"
#include "fanion/names.h"
#include "fanion/number_text.h"

namespace fanion::norms {
namespace {

constexpr int64_t kMostPassesOrColumns = 1'000'000;  // passes or columns: beyond any use, and far from overflow
constexpr double kLargestCoefficient = 1000;         // no set for float32 comes near; 0 x + ... gives small values up

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream{std::string(text)};
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

}  // namespace

double parse_number(std::string_view text, std::string_view what, std::string_view expected) {
  const auto value = number_from_text<double>(text);
  TORCH_CHECK_VALUE(value && std::isfinite(*value), what, " must be ", expected, ", got '", text, "'");
  return *value;
}

RuleArguments::RuleArguments(std::string_view rule, std::string_view text, RuleDefaults otherwise)
    : rule_(rule), otherwise_(std::move(otherwise)) {
  for (const auto& pair : split(text, ',')) {
    const auto equals = pair.find('=');
    TORCH_CHECK_VALUE(equals != std::string::npos && equals > 0, "rule '", rule, "': expected key=value, got '", pair,
                      "'");
    auto key = pair.substr(0, equals);
    std::replace(key.begin(), key.end(), '-', '_');
    TORCH_CHECK_VALUE(given_.emplace(key, pair.substr(equals + 1)).second, "rule '", rule, "': ", key,
                      " is given twice");
  }
}

const std::string* RuleArguments::find(const std::string& key) {
  asked_[key] = true;
  if (const auto it = given_.find(key); it != given_.end()) return &it->second;
  const auto it = otherwise_.find(key);
  return it == otherwise_.end() ? nullptr : &it->second;
}

const std::string& RuleArguments::required(const std::string& key) {
  const auto* text = find(key);
  TORCH_CHECK_VALUE(text != nullptr, "rule '", rule_, "' needs ", key, ", for example '", rule_, ":", key, "=4'");
  return *text;
}

int64_t RuleArguments::integer(const std::string& key) {
  required(key);
  return integer(key, 0);
}

int64_t RuleArguments::integer(const std::string& key, int64_t otherwise) {
  const auto* text = find(key);
  if (text == nullptr) return otherwise;
  const auto value = number_from_text<int64_t>(*text);
  TORCH_CHECK_VALUE(value.has_value(), "rule '", rule_, "': ", key, " must be an integer, got '", *text, "'");
  return *value;
}

Rank RuleArguments::rank() {
  const auto* fraction = find("rank_fraction");
  if (fraction == nullptr) {
    TORCH_CHECK_VALUE(has("k"), "rule '", rule_, "' needs k or rank_fraction, for example '", rule_, ":k=4' or '",
                      rule_, ":rank_fraction=0.25'");
    return integer("k");
  }
  TORCH_CHECK_VALUE(!has("k"), "rule '", rule_, "' takes k or rank_fraction, not both");
  return Rank::fraction(number("rank_fraction", 0));
}

double RuleArguments::number(const std::string& key, double otherwise) {
  const auto* text = find(key);
  return text == nullptr ? otherwise : parse_number(*text, c10::str("rule '", rule_, "': ", key));
}

double RuleArguments::exponent(const std::string& key) {
  const auto& text = required(key);
  if (text == "inf") return std::numeric_limits<double>::infinity();
  return parse_number(text, c10::str("rule '", rule_, "': ", key), "a finite number or inf");
}

std::string RuleArguments::word(const std::string& key, const std::string& otherwise) {
  const auto* text = find(key);
  return text == nullptr ? otherwise : *text;
}

TripletOptions RuleArguments::triplets(TripletOptions options) {
  options.method = linalg::svd_method_from_name(word("svd", std::string(linalg::name_of(options.method))));
  if (!keeps_warm_start(options)) return options;  // the others would ignore what follows
  options.passes = integer("passes", options.passes);
  if (find("oversample") != nullptr) options.oversample = integer("oversample", 0);
  TORCH_CHECK_VALUE(options.passes >= 1 && options.passes <= kMostPassesOrColumns, "rule '", rule_,
                    "': passes = ", options.passes, " must lie in 1 to ", kMostPassesOrColumns);
  const int64_t oversample = options.oversample.value_or(0);
  TORCH_CHECK_VALUE(oversample >= 0 && oversample <= kMostPassesOrColumns, "rule '", rule_,
                    "': oversample = ", oversample, " must lie in 0 to ", kMostPassesOrColumns);
  return options;
}

linalg::NewtonSchulzOptions RuleArguments::newton_schulz(linalg::NewtonSchulzOptions options) {
  if (const auto* text = find("ns_coefficients")) {
    const bool numeric = text->find_first_of("0123456789") == 0 || text->starts_with('-');
    if (numeric) {
      const auto numbers = split(*text, '/');
      TORCH_CHECK_VALUE(!numbers.empty() && numbers.size() % 3 == 0, "rule '", rule_,
                        "': ns_coefficients needs triples ", "a/b/c, got '", *text, "'");
      options.coefficients.resize(numbers.size() / 3);
      for (std::size_t i = 0; i < numbers.size(); ++i)
        options.coefficients[i / 3][i % 3] = parse_number(numbers[i], "an entry of ns_coefficients");
      for (const auto& [a, b, c] : options.coefficients)
        TORCH_CHECK_VALUE(a > 0 && std::max({a, std::abs(b), std::abs(c)}) <= kLargestCoefficient, "rule '", rule_,
                          "': ns_coefficients ", a, "/", b, "/", c, ": a x + b x^3 + c x^5 needs a in (0, ",
                          kLargestCoefficient, "], b and c in -", kLargestCoefficient, " to ", kLargestCoefficient);
      if (options.coefficients.size() > 1) options.steps = static_cast<int64_t>(options.coefficients.size());
    } else {
      const auto& set = linalg::coefficient_set(*text);
      options.steps = integer("ns_steps", set.steps);
      options.coefficients = linalg::first_steps(set, options.steps);
    }
  }
  options.steps = integer("ns_steps", options.steps);
  options.form = linalg::newton_schulz_form_from_name(word("ns_form", "auto"));
  options.norm = linalg::newton_schulz_norm_from_name(word("ns_norm", std::string(linalg::name_of(options.norm))));
  options.eps = number("eps", options.eps);
  if (const auto* text = find("ns_dtype")) options.dtype = dtype_from_name(*text);
  TORCH_CHECK_VALUE(options.steps >= 1 && options.steps < 100, "rule '", rule_, "': ns_steps = ", options.steps,
                    " must lie in 1 to 99");
  TORCH_CHECK_VALUE(
      options.coefficients.size() == 1 || static_cast<int64_t>(options.coefficients.size()) == options.steps, "rule '",
      rule_, "': ", options.coefficients.size(), " coefficient triples for ", options.steps, " steps");
  TORCH_CHECK_VALUE(options.eps >= 0, "rule '", rule_, "': eps = ", options.eps, " must not be negative");
  return options;
}

void RuleArguments::check_all_used() const {
  std::string allowed;
  for (const auto& [key, unused] : asked_) allowed.append(allowed.empty() ? "" : ", ").append(key);
  for (const auto& [key, unused] : given_)
    TORCH_CHECK_VALUE(asked_.contains(key), "rule '", rule_, "' has no option '", key, "'", did_you_mean(key, allowed),
                      "; ", allowed.empty() ? "it takes none" : "it takes: " + allowed);
}

}  // namespace fanion::norms
