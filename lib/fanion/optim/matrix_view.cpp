#include "fanion/optim/matrix_view.h"

namespace fanion::optim {

at::Tensor matrix_view(const at::Tensor& parameter) {
  const auto [m, n] = matrix_shape(parameter);
  return parameter.dim() == 2 ? parameter : parameter.reshape({m, n});
}

std::pair<int64_t, int64_t> matrix_shape(const at::Tensor& parameter) {
  TORCH_CHECK_VALUE(parameter.dim() >= 2 && parameter.numel() > 0, "a matrix rule needs a parameter of at least 2 ",
                    "dimensions and one entry, got ", parameter.sizes(), "; put it into an AdamW group");
  return {parameter.size(0), parameter.numel() / parameter.size(0)};
}

}  // namespace fanion::optim
