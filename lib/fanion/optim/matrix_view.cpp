#include "fanion/optim/matrix_view.h"

namespace fanion::optim {

at::Tensor matrix_view(const at::Tensor& parameter, bool transposed) {
  const auto [m, n] = matrix_shape(parameter, transposed);
  if (transposed) return parameter.t();
  return parameter.dim() == 2 ? parameter : parameter.reshape({m, n});
}

std::pair<int64_t, int64_t> matrix_shape(const at::Tensor& parameter, bool transposed) {
  TORCH_CHECK_VALUE(parameter.dim() >= 2, "a matrix rule needs a parameter of at least 2 dimensions, got ",
                    parameter.sizes(), "; put it into an AdamW group");
  TORCH_CHECK_VALUE(!transposed || parameter.dim() == 2, "transposed is for matrices stored as in x out, got ",
                    parameter.sizes());
  const auto rows = parameter.size(0), columns = c10::multiply_integers(parameter.sizes().slice(1));
  return transposed ? std::pair(columns, rows) : std::pair(rows, columns);
}

}  // namespace fanion::optim
