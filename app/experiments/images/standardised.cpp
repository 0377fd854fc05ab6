#include "experiments/images/standardised.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>

namespace fanion::experiments::images {
namespace {

/// Mean and standard deviation of CIFAR-10's training pixels over 255, by channel.
constexpr std::array<double, 3> kMean = {0.4914, 0.4822, 0.4465};
constexpr std::array<double, 3> kDeviation = {0.2470, 0.2435, 0.2616};

at::Tensor by_channel(const std::array<double, 3>& values, at::Device device) {
  return at::tensor(at::ArrayRef<double>(values), at::kFloat).to(device).view({3, 1, 1});
}

}  // namespace

at::Tensor standardised(const at::Tensor& pixels) {
  const auto device = pixels.device();
  return (pixels.to(at::kFloat) / 255 - by_channel(kMean, device)) / by_channel(kDeviation, device);
}

}  // namespace fanion::experiments::images
