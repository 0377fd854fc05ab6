#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// Figures 3, 5 and 6 of KyFan, the pictures of `fanion balls`; each ball's reach along diag(1, 0, …), diag(1, 1, 0,
/// …), … and what the paper says of its shape, checked in directions all round.
void figure_3(const Request& request);
void figure_5(const Request& request);
void figure_6(const Request& request);

}  // namespace fanion::reproduce
