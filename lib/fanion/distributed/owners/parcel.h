#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace fanion::distributed {

/// Tensors for each process of a group, to be sent as one flat tensor: process after process, each in the order added.
class Parcel {
 public:
  explicit Parcel(std::size_t processes) : counts_(processes, 0), tensors_(processes) {}

  void add(std::size_t process, const at::Tensor& tensor);
  /// All of them in one dimension; an empty one with the options `like` where there is nothing.
  at::Tensor packed(const at::TensorOptions& like) const;
  /// How many entries each process gets.
  const std::vector<int64_t>& counts() const { return counts_; }

 private:
  std::vector<int64_t> counts_;
  std::vector<std::vector<at::Tensor>> tensors_;
};

/// Takes tensors out of what was packed, one after the other; they share its memory.
class Unpacking {
 public:
  explicit Unpacking(at::Tensor flat) : flat_(std::move(flat)) {}

  at::Tensor next(at::IntArrayRef sizes);

 private:
  at::Tensor flat_;
  int64_t next_ = 0;
};

}  // namespace fanion::distributed
