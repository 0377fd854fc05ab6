#pragma once

#include "data/cifar10.h"
#include "experiments/experiment.h"

namespace fanion::experiments::images {

/// What decides a training on images beside `RunOptions`.
struct ImageOptions {
  int64_t batch = 512;
  double epochs = 0;  ///< 0: `steps` decides
  std::string data;
};

/// A network from pixels to the scores of ten classes.
class ImageModel {
 public:
  virtual ~ImageModel() = default;
  virtual const std::vector<Parameter>& parameters() const = 0;
  /// Scores (B, 10) of images (B, 3, 32, 32), float32, of mean 0 and variance 1. `draw`: of a training step, for
  /// dropout; nullptr: none.
  virtual at::Tensor scores(const at::Tensor& images, const Draw* draw) const = 0;
};

/// A weight (out, in, …) uniform in ±1/√fan_in, which is what PyTorch's layers begin with; a leaf.
at::Tensor uniform_weight(at::IntArrayRef shape, at::Generator& generator, at::Device device);
/// The bias (out,) of a layer of that fan_in, likewise.
at::Tensor uniform_bias(int64_t out, int64_t fan_in, at::Generator& generator, at::Device device);

/// Cross-entropy on CIFAR-10; a step is a batch of the epoch's permutation of the training images, without those that
/// fill no batch.
class ImageTask : public Task {
 public:
  ImageTask(std::unique_ptr<ImageModel> model, const ImageOptions& options, at::Device device);

  const std::vector<Parameter>& parameters() const override { return model_->parameters(); }
  at::Tensor loss(const Draw& draw) override;
  /// Loss and share of errors on all test images.
  std::vector<double> validate() override;

 private:
  at::Tensor standardised(const at::Tensor& pixels) const;

  std::unique_ptr<ImageModel> model_;
  int64_t batch_;
  at::Device device_;
  data::Cifar10 data_;
  at::Tensor order_;                                 ///< the permutation of `order_of_`
  std::pair<int64_t, int64_t> order_of_ = {-1, -1};  ///< seed and epoch
};

/// An experiment on CIFAR-10; those derived from it have a model.
class ImageExperiment : public Experiment {
 public:
  using Experiment::Experiment;

  ImageOptions images;

  void check_data() const override;
  std::vector<std::string> data_options() const override { return {"data"}; }
  std::unique_ptr<Task> task() const override;
  std::pair<std::string, double> work_per_step() const override;
  Figure figure() const override;

 protected:
  /// Initial parameters by the run's seed.
  virtual std::unique_ptr<ImageModel> model() const = 0;
  OptionTable own_options() override;
  void resolve_own() override;
  void check_own() const override;
};

}  // namespace fanion::experiments::images
