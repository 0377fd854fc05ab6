#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

namespace fanion::experiments {

/// What a parameter is for; the optimizer's groups follow it. `matrix`: by the run's rule, every other by what the
/// experiment says. `whitening`: the bias of a first layer with weights of its own making.
enum class Role { matrix, embedding, head, gain, bias, whitening };

/// "matrix", "embedding", …
std::string role_name(Role role);

struct Parameter {
  std::string name;
  Role role;
  at::Tensor tensor;  ///< a leaf that requires a gradient
};

int64_t parameter_count(const std::vector<Parameter>& parameters);

}  // namespace fanion::experiments
