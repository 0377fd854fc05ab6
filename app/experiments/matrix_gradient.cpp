#include "experiments/matrix_gradient.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "fanion/optim/matrix_view.h"

namespace fanion::experiments {

MatrixGradient::MatrixGradient(Task& task, Draw first) : task_(task), first_(first) {
  for (const auto& p : task.parameters()) {
    if (p.role != Role::matrix) continue;
    names_.push_back(p.name);
    parameters_.push_back(p.tensor);
    matrices_.push_back(optim::matrix_view(p.tensor.detach()));
  }
}

std::vector<at::Tensor> MatrixGradient::point() const {
  std::vector<at::Tensor> X;
  for (const auto& p : matrices_) X.push_back(p.clone());
  return X;
}

std::vector<at::Tensor> MatrixGradient::operator()(const std::vector<at::Tensor>& X, int64_t batch) {
  {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < X.size(); ++i) matrices_[i].copy_(X[i]);
  }
  loss_ += task_.gradients({first_.seed, first_.step + batch});
  ++calls_;
  std::vector<at::Tensor> gradients;
  for (const auto& p : parameters_) gradients.push_back(optim::matrix_view(p.grad()));
  return gradients;
}

}  // namespace fanion::experiments
