#include "fanion/theory/batch_gradient.h"

#include <ATen/TensorOperators.h>

namespace fanion::theory {

std::vector<at::Tensor> gradient_at(const BatchGradient& gradient, const std::vector<at::Tensor>& X, int64_t batch) {
  auto gradients = gradient(X, batch);
  TORCH_CHECK_VALUE(gradients.size() == X.size(), "the gradient function returned ", gradients.size(), " tensors for ",
                    X.size(), " matrices");
  for (std::size_t i = 0; i < X.size(); ++i) {
    TORCH_CHECK_VALUE(gradients[i].sizes() == X[i].sizes(), "gradient ", i, " has shape ", gradients[i].sizes(),
                      ", its matrix ", X[i].sizes());
    gradients[i] = gradients[i].detach().to(at::kDouble);
  }
  return gradients;
}

std::vector<at::Tensor> mean_gradient(const BatchGradient& gradient, const std::vector<at::Tensor>& X, int64_t first,
                                      int64_t count) {
  auto sum = gradient_at(gradient, X, first);
  for (int64_t batch = 1; batch < count; ++batch) {
    const auto g = gradient_at(gradient, X, first + batch);
    for (std::size_t i = 0; i < X.size(); ++i) sum[i] = sum[i] + g[i];
  }
  for (auto& s : sum) s = s / static_cast<double>(count);
  return sum;
}

}  // namespace fanion::theory
