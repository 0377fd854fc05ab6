#pragma once

#include "data/cifar10.h"
#include "experiments/experiment.h"
#include "experiments/images/batches.h"

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

/// Cross-entropy on CIFAR-10.
class ImageTask : public Task {
 public:
  ImageTask(std::unique_ptr<ImageModel> model, const ImageOptions& options, at::Device device);

  const std::vector<Parameter>& parameters() const override { return model_->parameters(); }
  at::Tensor loss(const Draw& draw) override;
  /// Loss and share of errors on all test images.
  std::vector<double> validate() override;

 private:
  std::unique_ptr<ImageModel> model_;
  at::Device device_;
  data::Cifar10 data_;
  Batches batches_;
};

/// An experiment on CIFAR-10; those derived from it have a task.
class ImageExperiment : public Experiment {
 public:
  using Experiment::Experiment;

  ImageOptions images;

  std::vector<std::string> data_options() const override { return {"data"}; }
  std::pair<std::string, double> work_per_step() const override;
  Figure figure() const override;
  void check_parts(int64_t parts) const override;

 protected:
  void check_data() const override;
  OptionTable own_options() override;
  void resolve_own() override;
  void check_own() const override;
};

}  // namespace fanion::experiments::images
