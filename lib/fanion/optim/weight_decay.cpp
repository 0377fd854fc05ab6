#include "fanion/optim/weight_decay.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sign.h>

namespace fanion::optim {

double kept_by_decay(WeightDecayMethod method, double lr, double weight_decay) {
  return 1 - (method == WeightDecayMethod::independent ? 1 : lr) * weight_decay;
}

at::Tensor decays_cautiously(const at::Tensor& W, const at::Tensor& D) {
  return (at::sign(W) * at::sign(D) <= 0).to(W.scalar_type());  // signs: products of small entries would underflow
}

}  // namespace fanion::optim
