#include "fanion/optim/matrix_view.h"

namespace fanion::optim {

at::Tensor matrix_view(const at::Tensor& parameter, bool transposed) {
  const auto [m, n] = matrix_shape(parameter, transposed);
  if (transposed) return parameter.t();
  return parameter.dim() == 2 ? parameter : parameter.reshape({m, n});
}

std::pair<int64_t, int64_t> matrix_shape(const at::Tensor& parameter, bool transposed) {
  return matrix_shape(parameter.sizes(), transposed);
}

std::pair<int64_t, int64_t> matrix_shape(at::IntArrayRef sizes, bool transposed) {
  TORCH_CHECK_VALUE(sizes.size() >= 2, "a matrix rule needs a parameter of at least 2 dimensions, got ", sizes,
                    "; put it into an AdamW group");
  TORCH_CHECK_VALUE(!transposed || sizes.size() == 2, "transposed is for matrices stored as in x out, got ", sizes);
  const auto rows = sizes[0], columns = c10::multiply_integers(sizes.slice(1));
  return transposed ? std::pair(columns, rows) : std::pair(rows, columns);
}

}  // namespace fanion::optim
