#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// A small GPT trained on books, then on Shakespeare from there: the loss after that against the rate, for Muon,
/// F-Muon, S-Muon, Neon and AdamW. KyFan §7 tells of such a test of Neon; its newer version finds F-Muon the most
/// robust.
void finetune(const Request& request);

}  // namespace fanion::reproduce
