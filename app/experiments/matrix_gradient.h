#pragma once

#include <string>
#include <vector>

#include "experiments/experiment.h"

namespace fanion::experiments {

/// Gradients of the matrices of a task on training batches, and the losses on the way: a `theory::BatchGradient`.
/// The other parameters stay as they are.
class MatrixGradient {
 public:
  /// Batch 0 is that of the draw `first`.
  MatrixGradient(Task& task, Draw first);

  const std::vector<std::string>& names() const { return names_; }
  /// Copies of the matrices, (m, n) each, as they are now.
  std::vector<at::Tensor> point() const;
  /// The gradients at X, which the task's parameters hold from now on.
  std::vector<at::Tensor> operator()(const std::vector<at::Tensor>& X, int64_t batch);
  /// Over all calls so far.
  double mean_loss() const { return loss_ / static_cast<double>(calls_); }

 private:
  Task& task_;
  Draw first_;
  std::vector<std::string> names_;
  std::vector<at::Tensor> parameters_, matrices_;  ///< matrices are views of the parameters
  double loss_ = 0;
  int64_t calls_ = 0;
};

}  // namespace fanion::experiments
