#include "experiments/airbench/airbench_net.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/batch_norm.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "experiments/images/image_experiment.h"

namespace fanion::experiments::airbench {
namespace {

constexpr int64_t kClasses = 10, kSide = 3;
constexpr std::size_t kConvolutions = 6;
constexpr double kVarianceEps = 1e-12;
constexpr double kNewShare = 0.4;  // of a batch's statistics in the running ones

std::array<int64_t, kConvolutions + 1> layer_widths(int64_t channels) {
  constexpr int64_t kFilters = 24;
  return {kFilters, channels, channels, 4 * channels, 4 * channels, 4 * channels, 4 * channels};
}

/// The filters of as many output channels as there are inputs hand those on.
void begin_as_identity_(const at::Tensor& weight) {
  const auto same = weight.detach().narrow(0, 0, weight.size(1)).zero_();
  same.select(3, kSide / 2).select(2, kSide / 2).fill_diagonal_(1);
}

}  // namespace

AirbenchNet::AirbenchNet(int64_t channels, at::ScalarType dtype, const at::Tensor& filters, at::Generator generator)
    : dtype_(dtype) {
  const auto device = filters.device();
  const auto floats = at::TensorOptions(at::kFloat).device(device);
  const auto widths = layer_widths(channels);
  const auto name_of = [](std::size_t layer, const char* what) {
    return c10::str("group", layer / 2 + 1, ".", what, layer % 2 + 1);
  };
  for (std::size_t i = 0; i < kConvolutions; ++i) {
    const auto weight = images::uniform_weight({widths[i + 1], widths[i], kSide, kSide}, generator, device);
    begin_as_identity_(weight);
    parameters_.push_back({name_of(i, "conv") + ".weight", Role::matrix, weight});
  }
  buffers_.emplace_back("whitening.weight", filters);
  for (std::size_t i = 0; i < kConvolutions; ++i) {
    const auto norm = name_of(i, "norm");
    parameters_.push_back({norm + ".bias", Role::bias, at::zeros({widths[i + 1], 1}, floats).requires_grad_(true)});
    buffers_.emplace_back(norm + ".mean", at::zeros({widths[i + 1]}, floats));
    buffers_.emplace_back(norm + ".variance", at::ones({widths[i + 1]}, floats));
  }
  const auto whitening_bias = images::uniform_bias(filters.size(0), filters[0].numel(), generator, device);
  parameters_.push_back(
      {"whitening.bias", Role::whitening, whitening_bias.detach().view({-1, 1}).requires_grad_(true)});
  const auto head = images::uniform_weight({kClasses, widths.back()}, generator, device);
  head.detach().div_(head.detach().std());
  parameters_.push_back({"head.weight", Role::head, head});
}

at::Tensor AirbenchNet::normalised(const at::Tensor& x, std::size_t layer, Mode mode) const {
  const auto bias = parameters_[kConvolutions + layer].tensor.squeeze(1);
  return at::batch_norm(x, {}, bias, buffers_[1 + 2 * layer].second, buffers_[2 + 2 * layer].second,
                        mode != Mode::evaluation, kNewShare, kVarianceEps, /*cudnn_enabled=*/true);
}

at::Tensor AirbenchNet::scores(const at::Tensor& images, Mode mode) const {
  // Convolutions are fastest with the channels of a pixel side by side.
  const auto converted = [&](const at::Tensor& t) {
    return t.to(dtype_, false, false, at::MemoryFormat::ChannelsLast);
  };
  const auto& learning = parameters_[2 * kConvolutions].tensor;
  const auto bias = (mode == Mode::training ? learning : learning.detach()).squeeze(1).to(dtype_);
  auto x = at::gelu(at::conv2d(converted(images), converted(buffers_[0].second), bias));
  for (std::size_t i = 0; i < kConvolutions; ++i) {
    x = at::conv2d(x, converted(parameters_[i].tensor), {}, 1, /*padding=*/kSide / 2);
    if (i % 2 == 0) x = at::max_pool2d(x, 2);
    x = at::gelu(normalised(x, i, mode));
  }
  x = at::max_pool2d(x, 3).flatten(1);
  const auto& head = parameters_.back().tensor;
  return at::linear(x, head.to(dtype_)).to(at::kFloat) / static_cast<double>(head.size(1));
}

std::vector<std::pair<int64_t, int64_t>> AirbenchNet::matrix_shapes(int64_t channels) {
  const auto widths = layer_widths(channels);
  std::vector<std::pair<int64_t, int64_t>> shapes;
  for (std::size_t i = 0; i < kConvolutions; ++i) shapes.emplace_back(widths[i + 1], widths[i] * kSide * kSide);
  return shapes;
}

}  // namespace fanion::experiments::airbench
