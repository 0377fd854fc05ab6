#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// KyFan §4.3 on a small GPT: Muon, F-Muon with α = 0.5, 0.3, −0.1 and 1.1, S-Muon, NSGD, Neon, D-Fanion, NorMuon and
/// AdamW, each with its tuned rate; differences to Muon under the same seeds.
void figure_4(const Request& request);

}  // namespace fanion::reproduce
