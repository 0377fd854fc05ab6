#pragma once

#include <ATen/core/Generator.h>

#include <array>

#include "experiments/parameter.h"

namespace fanion::experiments::airbench {

/// The network of cifar10-airbench's airbench94_muon.py: frozen 2 × 2 whitening filters with a bias that learns, GELU,
/// three groups of convolution, 2 × 2 maximum, BatchNorm, GELU, convolution, BatchNorm, GELU, the maximum of the 3 × 3
/// pixels left, and a linear head whose scores are divided by its inputs' number.
///
/// Convolutions are 3 × 3 with padding; as many of their filters as there are input channels begin as the identity.
/// BatchNorm has no gain, a bias, and running means that keep 0.6 of what they were. The head begins with variance 1.
/// Parameters are float32; biases are columns (n, 1), matrices for the rule `sgd`. Convolutions and all between them
/// are of `dtype`, statistics float32.
class AirbenchNet {
 public:
  /// `channels` of the first group; the others have four times as many. `filters`: of `whitening_filters`.
  AirbenchNet(int64_t channels, at::ScalarType dtype, const at::Tensor& filters, at::Generator generator);

  const std::vector<Parameter>& parameters() const { return parameters_; }
  /// The filters and the running means and variances.
  const std::vector<std::pair<std::string, at::Tensor>>& buffers() const { return buffers_; }

  enum class Mode {
    training,         ///< statistics of the batch, which move the running ones
    whitening_fixed,  ///< the same with the whitening's bias as a constant, which spares its gradient's cost
    evaluation        ///< running statistics
  };
  /// Scores (B, 10), float32, of images (B, 3, 32, 32), standardised.
  at::Tensor scores(const at::Tensor& images, Mode mode) const;

  /// Shapes (out, in·9) of the convolutions, one after the other.
  static std::vector<std::pair<int64_t, int64_t>> matrix_shapes(int64_t channels);

 private:
  at::Tensor normalised(const at::Tensor& x, std::size_t layer, Mode mode) const;

  at::ScalarType dtype_;
  std::vector<Parameter> parameters_;  ///< convolutions, then the biases of their BatchNorms, whitening's, the head
  std::vector<std::pair<std::string, at::Tensor>> buffers_;  ///< filters, then mean and variance of each BatchNorm
};

}  // namespace fanion::experiments::airbench
