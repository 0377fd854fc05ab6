#include "fanion/host_numbers.h"

#include <ATen/ops/empty.h>

#include <algorithm>

namespace fanion {

std::vector<double> to_doubles(const at::Tensor& x) {
  const auto copy = x.to(at::kCPU, at::kDouble).contiguous();
  return {copy.const_data_ptr<double>(), copy.const_data_ptr<double>() + copy.numel()};
}

at::Tensor to_tensor(const std::vector<double>& values, const at::TensorOptions& options) {
  const auto size = static_cast<int64_t>(values.size());
  if (options.device().is_cpu() && options.dtype() == at::kFloat) {  // a conversion takes as long as the rest
    auto found = at::empty({size}, at::kFloat);
    std::ranges::transform(values, found.data_ptr<float>(), [](double x) { return static_cast<float>(x); });
    return found;
  }
  auto found = at::empty({size}, at::kDouble);
  std::ranges::copy(values, found.data_ptr<double>());
  return found.to(options.device(), options.dtype().toScalarType());
}

}  // namespace fanion
