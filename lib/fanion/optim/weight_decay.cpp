#include "fanion/optim/weight_decay.h"

#include <ATen/TensorOperators.h>

namespace fanion::optim {

double kept_by_decay(WeightDecayMethod method, double lr, double weight_decay) {
  return 1 - (method == WeightDecayMethod::independent ? 1 : lr) * weight_decay;
}

at::Tensor decays_cautiously(const at::Tensor& W, const at::Tensor& D) { return (W * D).le_(0).to(W.scalar_type()); }

}  // namespace fanion::optim
