#pragma once

#include <string>

#include "fanion/optim/step_options.h"

namespace fanion::experiments::least_squares {

/// Whether the step at QMPᵀ is known to be that at M between Q and Pᵀ, for orthogonal Q and P: every part of the rule's
/// text is the LMO of a norm of the singular values alone, or its prox, and no option of the step looks at rows or
/// entries. AdamW and rules that look at entries, rows or columns are not.
bool unitarily_invariant(const std::string& rule, const optim::LmoStepOptions& step);

}  // namespace fanion::experiments::least_squares
