#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// Proposal §6: singular values of gradients and momenta of every matrix during GPT training with Muon; stable rank and
/// the share of ‖·‖²_F that k triplets hold, over time.
void spectrum(const Request& request);

}  // namespace fanion::reproduce
