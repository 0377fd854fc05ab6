#pragma once

#include "experiments/images/image_experiment.h"

namespace fanion::experiments::mlp {

/// CIFAR-10 by 3072 → 512 → GELU → 10 (Proposal §6, figures 1 and 3). Both weights follow the rule, biases AdamW.
class MlpExperiment : public images::ImageExperiment {
 public:
  MlpExperiment();

  int64_t width = 512;

 protected:
  std::unique_ptr<images::ImageModel> model() const override;
  OptionTable own_options() override;
  void check_own() const override;
  std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const override;
};

}  // namespace fanion::experiments::mlp
