#pragma once

#include <map>
#include <string>
#include <string_view>

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/rank.h"
#include "fanion/norms/registry.h"
#include "fanion/norms/singular.h"

namespace fanion::norms {

/// The key=value pairs behind a rule's name; every getter marks its key as used.
class RuleArguments {
 public:
  /// Parses "key=value,key=value". `rule` is named in errors. `otherwise`: what keys are that the text does not give.
  RuleArguments(std::string_view rule, std::string_view text, RuleDefaults otherwise = {});

  bool has(const std::string& key) { return find(key) != nullptr; }
  int64_t integer(const std::string& key);  ///< required
  int64_t integer(const std::string& key, int64_t otherwise);
  Rank rank();  ///< k or rank_fraction, one of which is required
  bool has_rank() { return has("k") || has("rank_fraction"); }
  double number(const std::string& key, double otherwise);
  double exponent(const std::string& key);  ///< required; a finite number or "inf"
  std::string word(const std::string& key, const std::string& otherwise);
  /// svd, and passes and oversample where that is `subspace`.
  TripletOptions triplets(TripletOptions defaults);
  linalg::NewtonSchulzOptions newton_schulz(linalg::NewtonSchulzOptions defaults = {});

  /// Throws if a key was given that no getter asked for, listing those that were.
  void check_all_used() const;

 private:
  const std::string* find(const std::string& key);
  const std::string& required(const std::string& key);
  std::string rule_;
  std::map<std::string, std::string> given_;
  RuleDefaults otherwise_;
  std::map<std::string, bool> asked_;
};

/// The whole of `text` as a finite number; throws naming `what`, and what was expected.
double parse_number(std::string_view text, std::string_view what, std::string_view expected = "a finite number");

}  // namespace fanion::norms
