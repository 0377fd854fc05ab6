#pragma once

#include "experiments/experiment.h"

namespace fanion::experiments::images {

/// Which training images each step takes: consecutive parts of a permutation that every epoch draws anew. Images that
/// fill no batch are left out of that epoch.
class Batches {
 public:
  Batches(int64_t images, int64_t batch) : images_(images), batch_(batch) {}

  int64_t per_epoch() const { return images_ / batch_; }
  /// Epochs that were complete before `step`.
  int64_t epoch_of(int64_t step) const { return step / per_epoch(); }
  /// Indices (batch,) of a draw's images, int64 on the CPU.
  at::Tensor indices(const Draw& draw);

 private:
  int64_t images_, batch_;
  at::Tensor order_;                                 ///< the permutation of `order_of_`
  std::pair<int64_t, int64_t> order_of_ = {-1, -1};  ///< seed and epoch
};

}  // namespace fanion::experiments::images
