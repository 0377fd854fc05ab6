#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// What KyFan §5 leaves to later: the low-rank rules (Neon, F-Neon, Fanion-8, D-Fanion-8, Dion-8) with and without
/// error feedback, on least squares and on a small GPT, each with its tuned rate.
void error_feedback(const Request& request);

}  // namespace fanion::reproduce
