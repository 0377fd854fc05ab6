#include "experiments/images/batches.h"

#include <ATen/ops/randperm.h>

namespace fanion::experiments::images {

at::Tensor Batches::indices(const Draw& draw) {
  const auto epoch = epoch_of(draw.step);
  if (order_of_ != std::pair(draw.seed, epoch)) {
    order_ = at::randperm(images_, generator_of({draw.seed, epoch}, /*stream=*/1), at::kLong);
    order_of_ = {draw.seed, epoch};
  }
  return order_.narrow(0, draw.step % per_epoch() * batch_, batch_);
}

}  // namespace fanion::experiments::images
