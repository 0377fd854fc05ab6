#include "fanion/host_numbers.h"

namespace fanion {

std::vector<double> to_doubles(const at::Tensor& x) {
  const auto copy = x.to(at::kCPU, at::kDouble).contiguous();
  return {copy.const_data_ptr<double>(), copy.const_data_ptr<double>() + copy.numel()};
}

}  // namespace fanion
