#include "experiments/images/image_experiment.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>

#include <cmath>

#include "data/shipped_file.h"
#include "experiments/images/standardised.h"

namespace fanion::experiments::images {
namespace {

constexpr int64_t kTestBatch = 1000;  // of a validation, whose memory it bounds

at::Tensor uniform(at::IntArrayRef shape, int64_t fan_in, at::Generator& generator, at::Device device) {
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  // Drawn on the CPU, so that a seed means the same model on every device.
  return at::empty(shape, at::kFloat).uniform_(-bound, bound, generator).to(device).requires_grad_(true);
}

}  // namespace

at::Tensor uniform_weight(at::IntArrayRef shape, at::Generator& generator, at::Device device) {
  int64_t fan_in = 1;
  for (const auto extent : shape.slice(1)) fan_in *= extent;
  return uniform(shape, fan_in, generator, device);
}

at::Tensor uniform_bias(int64_t out, int64_t fan_in, at::Generator& generator, at::Device device) {
  return uniform({out}, fan_in, generator, device);
}

ImageTask::ImageTask(std::unique_ptr<ImageModel> model, const ImageOptions& options, at::Device device)
    : model_(std::move(model)),
      device_(device),
      data_(data::read_cifar10(options.data)),
      batches_(data_.training.count(), options.batch) {}

at::Tensor ImageTask::loss(const Draw& draw) {
  const auto chosen = part_of(batches_.indices(draw), draw);
  const auto images = standardised(data_.training.pixels.index_select(0, chosen).to(device_));
  const auto labels = data_.training.labels.index_select(0, chosen).to(device_);
  return at::cross_entropy_loss(model_->scores(images, &draw), labels);
}

std::vector<double> ImageTask::validate() {
  double loss = 0, wrong = 0;
  const auto count = data_.test.count();
  for (int64_t begin = 0; begin < count; begin += kTestBatch) {
    const auto length = std::min(kTestBatch, count - begin);
    const auto labels = data_.test.labels.narrow(0, begin, length).to(device_);
    const auto scores = model_->scores(standardised(data_.test.pixels.narrow(0, begin, length).to(device_)), nullptr);
    loss += at::cross_entropy_loss(scores, labels).item<double>() * static_cast<double>(length);
    wrong += scores.argmax(1).ne(labels).sum().item<double>();
  }
  return {loss / static_cast<double>(count), 1 - wrong / static_cast<double>(count)};
}

void ImageExperiment::check_parts(int64_t parts) const {
  TORCH_CHECK_VALUE(images.batch % parts == 0, "--batch ", images.batch, " must be a multiple of the ", parts,
                    " processes that train together");
}

void ImageExperiment::check_data() const { data::read_cifar10(images.data); }

std::pair<std::string, double> ImageExperiment::work_per_step() const {
  return {"img", static_cast<double>(images.batch)};
}

Figure ImageExperiment::figure() const {
  const auto count = data::cifar10_training_images(images.data);
  const int64_t batches = count / images.batch;
  return {
      .title = c10::str(name(), " on ", count, " images of ", std::filesystem::path(images.data).filename().string(),
                        ", batch ", images.batch, ", seed ", run.seed),
      .quantities = {{"validation_loss", "test loss (nats)", "test loss", false},
                     {"accuracy", "test accuracy", "accuracy", false}},
      .x_label = "epochs",
      .x_per_step = 1 / static_cast<double>(batches)};
}

OptionTable ImageExperiment::own_options() {
  return {{"batch", &images.batch, "images per step"},
          {"epochs", &images.epochs, "passes over the training images, in place of --steps; 0: --steps decides"},
          {"data", &images.data,
           "folder of CIFAR-10's binary files (fanion data --help); empty: the 300 images that come with the program"}};
}

void ImageExperiment::resolve_own() {
  if (images.data.empty()) images.data = data::shipped_file("cifar10-sample");
  images.data = std::filesystem::absolute(images.data).string();
  check_in_range("epochs", images.epochs, 0.0, 1e6);
  check_in_range<int64_t>("batch", images.batch, 1, 1'000'000);
  if (images.epochs == 0) return;
  const int64_t batches = data::cifar10_training_images(images.data) / images.batch;
  run.steps = std::max<int64_t>(1, std::llround(images.epochs * static_cast<double>(batches)));
  images.epochs = 0;
}

void ImageExperiment::check_own() const {
  check_in_range("epochs", images.epochs, 0.0, 1e6);
  check_in_range<int64_t>("batch", images.batch, 1, 1'000'000);
  const auto count = data::cifar10_training_images(images.data);
  TORCH_CHECK_VALUE(images.batch <= count, "--batch ", images.batch, " is more than the ", count,
                    " training images of ", images.data);
}

}  // namespace fanion::experiments::images
