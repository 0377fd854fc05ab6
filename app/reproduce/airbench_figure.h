#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// KyFan §4.2, figure 2: airbench's accuracy with F-Muon over α, at the rate and momentum tuned for Muon and at those
/// tuned for F-Muon, and with the other rules at theirs (settings of the paper's version 2).
///
/// With CIFAR-10, 8 epochs of 25 steps and 5 seeds, or `Request::epochs` and `seeds`; without, on the images that come
/// with the program, narrower with `Request::quick`.
void figure_2(const Request& request);

}  // namespace fanion::reproduce
