#pragma once

#include "experiments/airbench/airbench_net.h"
#include "experiments/images/image_experiment.h"

namespace fanion::experiments::airbench {

struct AirbenchOptions {
  int64_t channels = 64;  ///< of the first group of convolutions
  std::string dtype = "bfloat16";
  int64_t views = 6;            ///< of a test image in the augmented accuracy: 1, 2 or 6
  double whitening_epochs = 3;  ///< after which the whitening's bias stays
  double decay = 2e-6;          ///< weight decay of biases and head, an image
  double rest_momentum = 0.85;  ///< of biases and head
};

/// The dtype that `AirbenchOptions::dtype` names; throws naming those there are.
at::ScalarType dtype_from_name(const std::string& name);

/// The recipe of airbench94_muon.py on CIFAR-10.
///
/// The loss of a step is the cross-entropy with labels smoothed by 0.2, summed over a batch, and
/// decay·batch/(2·lr)·‖p‖² of every bias and of the head, whose rates are lr: torch.optim.SGD's weight decay
/// decay·batch/lr. Every image is mirrored in every second epoch, which ones in the first is drawn for the run; in
/// every step each is moved by up to two pixels.
class AirbenchTask : public Task {
 public:
  /// `role_lr`: the first rates of biases and head.
  AirbenchTask(const AirbenchOptions& options, const images::ImageOptions& images,
               const std::map<Role, double>& role_lr, int64_t seed, at::Device device);

  const std::vector<Parameter>& parameters() const override { return net_.parameters(); }
  std::vector<std::pair<std::string, at::Tensor>> buffers() override { return net_.buffers(); }
  at::Tensor loss(const Draw& draw) override;
  /// Loss and share of right answers on the test images as they are, and the share with augmentation.
  std::vector<double> validate() override;

 private:
  /// A batch's images, mirrored and moved.
  at::Tensor augmented(const at::Tensor& chosen, const Draw& draw) const;
  at::Tensor scores(const at::Tensor& images) const { return net_.scores(images, AirbenchNet::Mode::evaluation); }
  /// The scores of the augmented accuracy, where `plain` are those of the images as they are.
  at::Tensor averaged(const at::Tensor& images, const at::Tensor& plain) const;

  AirbenchOptions o_;
  std::map<Role, double> decay_;  ///< the factor of ½‖p‖²
  at::Device device_;
  data::Cifar10 data_;
  images::Batches batches_;
  int64_t whitening_steps_;
  AirbenchNet net_;
};

}  // namespace fanion::experiments::airbench
