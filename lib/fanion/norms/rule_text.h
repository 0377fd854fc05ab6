#pragma once

#include <string>

#include "fanion/linalg/newton_schulz.h"
#include "fanion/norms/singular.h"

/// How options are written in a rule's name, so that `rule_from_name(rule.name())` is the same rule.
namespace fanion::norms {

/// Shortest text that reads back as the same double.
std::string text_of(double x);
/// "svd=subspace,passes=1,oversample=4"; the last two only where they matter.
std::string text_of(const TripletOptions& options);
/// "ns_steps=5,ns_coefficients=a/b/c,eps=0"
std::string text_of(const linalg::NewtonSchulzOptions& options);

}  // namespace fanion::norms
