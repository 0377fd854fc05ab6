#include "experiments/cnn/cnn_experiment.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/rand.h>

#include "experiments/images/image_experiment.h"

namespace fanion::experiments::cnn {
namespace {

constexpr int64_t kClasses = 10;

/// Extents (out, in, …) of the weights of the four layers.
std::vector<std::vector<int64_t>> weight_shapes(int64_t channels, int64_t width) {
  return {{channels, 3, 3, 3}, {2 * channels, channels, 3, 3}, {width, 2 * channels * 8 * 8}, {kClasses, width}};
}

class Cnn : public images::ImageModel {
 public:
  Cnn(int64_t channels, int64_t width, double dropout, int64_t seed, at::Device device) : dropout_(dropout) {
    auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
    const auto shapes = weight_shapes(channels, width);
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const std::string name = (i < 2 ? "conv" : "linear") + std::to_string(i % 2 + 1);
      const auto weight = images::uniform_weight(shapes[i], generator, device);
      const auto bias = images::uniform_bias(shapes[i][0], weight.numel() / shapes[i][0], generator, device);
      parameters_.push_back({name + ".weight", Role::matrix, weight});
      parameters_.push_back({name + ".bias", Role::bias, bias});
    }
  }

  const std::vector<Parameter>& parameters() const override { return parameters_; }

  at::Tensor scores(const at::Tensor& images, const Draw* draw) const override {
    auto x = images;
    for (std::size_t i : {0, 2}) {
      const auto filtered = at::conv2d(x, parameters_[i].tensor, parameters_[i + 1].tensor, 1, /*padding=*/1);
      x = at::max_pool2d(at::gelu(filtered), 2);
    }
    x = at::gelu(at::linear(x.flatten(1), parameters_[4].tensor, parameters_[5].tensor));
    if (draw != nullptr && dropout_ > 0) {
      // Of the draw's own generator, so that a resumed run drops what an uninterrupted one dropped.
      const auto drawn = at::rand({x.size(0) * draw->parts, x.size(1)}, generator_of(*draw, /*stream=*/2), at::kFloat);
      const auto kept = part_of(drawn, *draw).ge(dropout_).to(x.device());
      x = x * kept / (1 - dropout_);
    }
    return at::linear(x, parameters_[6].tensor, parameters_[7].tensor);
  }

 private:
  double dropout_;
  std::vector<Parameter> parameters_;
};

class CnnExperiment : public images::ImageExperiment {
 public:
  CnnExperiment() : ImageExperiment("cnn", "a convolutional network on CIFAR-10") { role_lr = {{Role::bias, 0.001}}; }

 private:
  std::unique_ptr<Task> task() const override {
    const at::Device device(run.device);
    return std::make_unique<images::ImageTask>(std::make_unique<Cnn>(channels, width, dropout, run.seed, device),
                                               images, device);
  }

  OptionTable own_options() override {
    auto table = ImageExperiment::own_options();
    table.push_back({"channels", &channels, "channels of the first convolution; the second has twice as many"});
    table.push_back({"width", &width, "neurons of the hidden fully connected layer"});
    table.push_back({"dropout", &dropout, "share of the hidden layer dropped in a training step, in [0, 1)"});
    return table;
  }

  void check_own() const override {
    for (const auto& [name, value] : {std::pair("channels", channels), {"width", width}})
      check_in_range<int64_t>(name, value, 1, 100'000);
    TORCH_CHECK_VALUE(dropout >= 0 && dropout < 1, "--dropout ", dropout, " must lie in [0, 1)");
    ImageExperiment::check_own();
  }

  std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const override {
    std::vector<std::pair<int64_t, int64_t>> shapes;
    for (const auto& shape : weight_shapes(channels, width)) {
      int64_t in = 1;
      for (std::size_t i = 1; i < shape.size(); ++i) in *= shape[i];
      shapes.emplace_back(shape[0], in);
    }
    return shapes;
  }

  int64_t channels = 32;  ///< of the first block; the second has twice as many
  int64_t width = 128;    ///< of the hidden fully connected layer
  double dropout = 0.25;
};

}  // namespace

ExperimentPtr experiment() { return std::make_unique<CnnExperiment>(); }

}  // namespace fanion::experiments::cnn
