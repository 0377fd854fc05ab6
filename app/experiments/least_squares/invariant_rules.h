#pragma once

#include <string>

namespace fanion::experiments::least_squares {

/// Whether the direction of QMPᵀ is known to be Q·direction(M)·Pᵀ for orthogonal Q and P: every part of the rule's text
/// is the LMO of a norm of the singular values alone. AdamW and rules that look at entries, rows or columns are not.
bool unitarily_invariant(const std::string& rule);

}  // namespace fanion::experiments::least_squares
