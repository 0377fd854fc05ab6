#include "experiments/airbench/airbench_task.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/pad.h>
#include <ATen/ops/rand.h>
#include <ATen/ops/randint.h>

#include <cmath>

#include "experiments/airbench/moved_images.h"
#include "experiments/airbench/whitening.h"
#include "experiments/images/standardised.h"
#include "fanion/names.h"

namespace fanion::experiments::airbench {
namespace {

constexpr int64_t kLargestShift = 2;
constexpr double kSmoothing = 0.2;
constexpr int64_t kWhiteningImages = 5000;
constexpr double kWhiteningEps = 5e-4;
constexpr int64_t kTestedAtOnce = 1000;     // which bounds a validation's memory
constexpr int64_t kFlips = 3, kShifts = 4;  // streams of draws

constexpr std::array<Named<at::ScalarType>, 3> kDtypes{
    {{at::kFloat, "float32"}, {at::kBFloat16, "bfloat16"}, {at::kHalf, "float16"}}};

data::Cifar10 read_to_device(const std::string& folder, at::Device device) {
  auto data = data::read_cifar10(folder);
  for (auto* part : {&data.training, &data.test}) *part = {part->pixels.to(device), part->labels.to(device)};
  return data;
}

AirbenchNet initial_net(const AirbenchOptions& o, const data::LabelledImages& training, int64_t seed) {
  const auto some = training.pixels.narrow(0, 0, std::min(kWhiteningImages, training.count()));
  return {o.channels, dtype_from_name(o.dtype), whitening_filters(images::standardised(some), kWhiteningEps),
          at::detail::createCPUGenerator(static_cast<uint64_t>(seed))};
}

}  // namespace

at::ScalarType dtype_from_name(const std::string& name) { return parse_name(kDtypes, name, "--dtype"); }

AirbenchTask::AirbenchTask(const AirbenchOptions& options, const images::ImageOptions& images,
                           const std::map<Role, double>& role_lr, int64_t seed, at::Device device)
    : o_(options),
      device_(device),
      data_(read_to_device(images.data, device)),
      batches_(data_.training.count(), images.batch),
      whitening_steps_(std::llround(std::ceil(options.whitening_epochs * static_cast<double>(batches_.per_epoch())))),
      net_(initial_net(options, data_.training, seed)) {
  for (const auto& [role, lr] : role_lr)
    if (lr > 0) decay_[role] = options.decay * static_cast<double>(images.batch) / lr;
}

at::Tensor AirbenchTask::augmented(const at::Tensor& chosen, const Draw& draw) const {
  const auto count = data_.training.count();
  const auto first = at::rand({count}, generator_of({draw.seed, 0}, kFlips), at::kFloat).lt(0.5);
  const auto now = batches_.epoch_of(draw.step) % 2 == 0 ? first : first.logical_not();
  const auto shifts = at::randint(-kLargestShift, kLargestShift + 1, {chosen.numel(), 2}, generator_of(draw, kShifts),
                                  at::TensorOptions(at::kLong));
  return moved_images(data_.training.pixels, chosen.to(device_), shifts.to(device_),
                      now.index_select(0, chosen).to(device_));
}

at::Tensor AirbenchTask::loss(const Draw& draw) {
  const auto chosen = batches_.indices(draw);
  const bool learns = draw.step < whitening_steps_;
  const auto mode = learns ? AirbenchNet::Mode::training : AirbenchNet::Mode::whitening_fixed;
  const auto scores = net_.scores(images::standardised(augmented(chosen, draw)), mode);
  const auto labels = data_.training.labels.index_select(0, chosen.to(device_));
  auto loss = at::cross_entropy_loss(scores, labels, {}, at::Reduction::Sum, /*ignore_index=*/-100, kSmoothing);
  for (const auto& p : parameters()) {
    const auto decay = decay_.find(p.role);
    if (decay == decay_.end() || (p.role == Role::whitening && !learns)) continue;
    loss = loss + p.tensor.square().sum() * (decay->second / 2);
  }
  return loss;
}

at::Tensor AirbenchTask::averaged(const at::Tensor& images, const at::Tensor& plain) const {
  if (o_.views == 1) return plain;
  const auto with_mirrored = [&](const at::Tensor& view, const at::Tensor& of_view) {
    return (of_view + scores(view.flip(3))) / 2;
  };
  auto here = with_mirrored(images, plain);
  if (o_.views == 2) return here;
  // Moved by a pixel up and left, and down and right.
  const auto side = images.size(3);
  const auto padded = at::pad(images, {1, 1, 1, 1}, "reflect");
  const auto moved = [&](int64_t begin) {
    const auto view = padded.narrow(2, begin, side).narrow(3, begin, side);
    return with_mirrored(view, scores(view));
  };
  return here / 2 + (moved(0) + moved(2)) / 4;
}

std::vector<double> AirbenchTask::validate() {
  double loss = 0, right = 0, right_augmented = 0;
  const auto count = data_.test.count();
  for (int64_t begin = 0; begin < count; begin += kTestedAtOnce) {
    const auto length = std::min(kTestedAtOnce, count - begin);
    const auto labels = data_.test.labels.narrow(0, begin, length);
    const auto images = images::standardised(data_.test.pixels.narrow(0, begin, length));
    const auto plain = scores(images);
    const auto hits = [&](const at::Tensor& s) { return s.argmax(1).eq(labels).sum().item<double>(); };
    loss += at::cross_entropy_loss(plain, labels, {}, at::Reduction::Sum).item<double>();
    right += hits(plain);
    right_augmented += hits(averaged(images, plain));
  }
  const auto all = static_cast<double>(count);
  return {loss / all, right / all, right_augmented / all};
}

}  // namespace fanion::experiments::airbench
