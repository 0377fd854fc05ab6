#include "experiments/airbench/airbench_experiment.h"

#include <cmath>

#include "fanion/optim/presets.h"

namespace fanion::experiments::airbench {

AirbenchExperiment::AirbenchExperiment()
    : ImageExperiment("airbench", "cifar10-airbench's network and recipe on CIFAR-10") {
  run.optimizer = "muon:ns_steps=3";
  run.step.momentum = 0.6;
  run.step.momentum_kind = optim::MomentumKind::sum;
  run.step.adjust_lr_fn = norms::AdjustLrFn::none;
  run.step.normalize_weights = true;
  run.steps = 200;  // eight epochs
  run.cooldown = 1;
  run.eval_every = 100;
  images.batch = 2000;
  role_lr = {{Role::head, 0.67}, {Role::bias, 0.053}, {Role::whitening, 0.053}};
}

std::unique_ptr<Task> AirbenchExperiment::task() const {
  return std::make_unique<AirbenchTask>(airbench, images, role_lr, run.seed, at::Device(run.device));
}

void AirbenchExperiment::check_parts(int64_t parts) const {
  TORCH_CHECK_VALUE(parts == 1, "airbench is trained by one process, not by ", parts,
                    ": its BatchNorm takes statistics of whole batches");
}

Figure AirbenchExperiment::figure() const {
  auto figure = ImageExperiment::figure();
  figure.quantities.push_back({"augmented_accuracy", "test accuracy with augmentation", "augmented", false});
  return figure;
}

/// The whitening's bias follows a schedule of its own.
double AirbenchExperiment::rate_factor(Role role, int64_t step) const {
  if (role != Role::whitening) return ImageExperiment::rate_factor(role, step);
  const int64_t batches = data::cifar10_training_images(images.data) / images.batch;
  const double steps = std::ceil(airbench.whitening_epochs * static_cast<double>(batches));
  return std::max(0.0, 1 - static_cast<double>(step) / steps);
}

OptionTable AirbenchExperiment::own_options() {
  auto table = ImageExperiment::own_options();
  const OptionTable own = {
      {"channels", &airbench.channels,
       "channels of the first group of convolutions; the others have four times as many"},
      {"dtype", &airbench.dtype, "of convolutions and what lies between them: bfloat16, float32 or float16"},
      {"views", &airbench.views, "views of a test image in the augmented accuracy: 1, 2 (mirrored) or 6 (and moved)"},
      {"whitening_epochs", &airbench.whitening_epochs, "epochs after which the bias of the whitening stays"},
      {"decay", &airbench.decay,
       "weight decay of biases and head: decay batch / lr is added to the gradient per weight"},
      {"rest_momentum", &airbench.rest_momentum, "momentum of biases and head"}};
  table.insert(table.end(), own.begin(), own.end());
  return table;
}

void AirbenchExperiment::check_own() const {
  check_in_range<int64_t>("channels", airbench.channels, 24, 10'000);  // not fewer than the whitening's filters
  dtype_from_name(airbench.dtype);
  TORCH_CHECK_VALUE(airbench.views == 1 || airbench.views == 2 || airbench.views == 6, "--views ", airbench.views,
                    " must be 1, 2 or 6");
  TORCH_CHECK_VALUE(airbench.whitening_epochs > 0 && airbench.whitening_epochs <= 1e6, "--whitening-epochs ",
                    airbench.whitening_epochs, " must be positive, at most 1e6");
  check_not_negative("decay", airbench.decay);
  ImageExperiment::check_own();
}

std::vector<std::pair<int64_t, int64_t>> AirbenchExperiment::matrix_shapes() const {
  return AirbenchNet::matrix_shapes(airbench.channels);
}

optim::GroupSettings AirbenchExperiment::settings_at(double lr) const {
  return optim::sgd({.lr = lr,
                     .momentum = airbench.rest_momentum,
                     .nesterov = true,
                     .momentum_kind = optim::MomentumKind::sum,
                     .weight_decay = 0,
                     .adjust_lr_fn = norms::AdjustLrFn::none,
                     .nonfinite = run.step.nonfinite});
}

}  // namespace fanion::experiments::airbench
