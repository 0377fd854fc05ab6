#include "experiments/mlp/mlp_experiment.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>

#include "experiments/images/image_experiment.h"

namespace fanion::experiments::mlp {
namespace {

constexpr int64_t kPixels = int64_t{3} * 32 * 32;
constexpr int64_t kClasses = 10;

class Mlp : public images::ImageModel {
 public:
  Mlp(int64_t width, int64_t seed, at::Device device) {
    auto generator = at::detail::createCPUGenerator(static_cast<uint64_t>(seed));
    for (const auto& [name, out, in] : {std::tuple("linear1", width, kPixels), {"linear2", kClasses, width}}) {
      const std::string prefix = name;
      parameters_.push_back({prefix + ".weight", Role::matrix, images::uniform_weight({out, in}, generator, device)});
      parameters_.push_back({prefix + ".bias", Role::bias, images::uniform_bias(out, in, generator, device)});
    }
  }

  const std::vector<Parameter>& parameters() const override { return parameters_; }

  at::Tensor scores(const at::Tensor& images, const Draw*) const override {
    const auto hidden = at::gelu(at::linear(images.flatten(1), parameters_[0].tensor, parameters_[1].tensor));
    return at::linear(hidden, parameters_[2].tensor, parameters_[3].tensor);
  }

 private:
  std::vector<Parameter> parameters_;
};

class MlpExperiment : public images::ImageExperiment {
 public:
  MlpExperiment() : ImageExperiment("mlp", "a multilayer perceptron on CIFAR-10") { role_lr = {{Role::bias, 0.001}}; }

 private:
  std::unique_ptr<Task> task() const override {
    const at::Device device(run.device);
    return std::make_unique<images::ImageTask>(std::make_unique<Mlp>(width, run.seed, device), images, device);
  }

  OptionTable own_options() override {
    auto table = ImageExperiment::own_options();
    table.push_back({"width", &width, "neurons of the hidden layer"});
    return table;
  }

  void check_own() const override {
    check_in_range<int64_t>("width", width, 1, 100'000);
    ImageExperiment::check_own();
  }

  std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const override {
    return {{width, kPixels}, {kClasses, width}};
  }

  int64_t width = 512;
};

}  // namespace

ExperimentPtr experiment() { return std::make_unique<MlpExperiment>(); }

}  // namespace fanion::experiments::mlp
