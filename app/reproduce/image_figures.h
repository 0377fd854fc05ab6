#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// Proposal §6, figures 1 to 4: loss and accuracy of the networks on CIFAR-10 against epochs and time, 3 seeds.
void mlp(const Request& request);
void cnn(const Request& request);

/// Proposal §1.1: the MLP over batches of 64 to 8192 at equal epochs, rates scaled with √batch from the tuned ones.
void batch_size(const Request& request);

}  // namespace fanion::reproduce
