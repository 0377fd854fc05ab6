#pragma once

#include "experiments/images/image_experiment.h"

namespace fanion::experiments::cnn {

/// CIFAR-10 by two blocks of 3×3 convolution, GELU and 2×2 maximum, and two fully connected layers with GELU and
/// dropout between (Proposal §6, figures 2 and 4, which leave the sizes open). All weights follow the rule, filters as
/// matrices (out, in·3·3); biases AdamW.
class CnnExperiment : public images::ImageExperiment {
 public:
  CnnExperiment();

  int64_t channels = 32;  ///< of the first block; the second has twice as many
  int64_t width = 128;    ///< of the hidden fully connected layer
  double dropout = 0.25;

 protected:
  std::unique_ptr<images::ImageModel> model() const override;
  OptionTable own_options() override;
  void check_own() const override;
  std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const override;
};

}  // namespace fanion::experiments::cnn
