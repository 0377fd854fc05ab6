#include "fanion/distributed/owners/parcel.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <c10/util/accumulate.h>

namespace fanion::distributed {

void Parcel::add(std::size_t process, const at::Tensor& tensor) {
  counts_[process] += tensor.numel();
  tensors_[process].push_back(tensor.reshape({-1}));
}

at::Tensor Parcel::packed(const at::TensorOptions& like) const {
  std::vector<at::Tensor> all;
  for (const auto& of_one : tensors_) all.insert(all.end(), of_one.begin(), of_one.end());
  return all.empty() ? at::empty({0}, like) : at::cat(all);
}

at::Tensor Unpacking::next(at::IntArrayRef sizes) {
  const auto count = c10::multiply_integers(sizes);
  const auto found = flat_.narrow(0, next_, count).view(sizes);
  next_ += count;
  return found;
}

}  // namespace fanion::distributed
