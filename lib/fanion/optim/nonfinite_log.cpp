#include "fanion/optim/nonfinite_log.h"

#include <ATen/ops/empty.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <utility>

namespace fanion::optim {
namespace {

/// A copy on the host, which the device may still be writing.
at::Tensor on_its_way(const at::Tensor& flags) {
  if (!flags.defined() || flags.device().is_cpu()) return flags;
  auto host = at::empty(flags.sizes(), at::TensorOptions(at::kBool).pinned_memory(flags.device().is_cuda()));
  return host.copy_(flags, /*non_blocking=*/true);
}

std::vector<std::string> labels_of(const at::Tensor& bad, const std::vector<std::function<std::string()>>& labels) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (bad.const_data_ptr<bool>()[i]) found.push_back(labels[i]());
  return found;
}

}  // namespace

std::string first_labels(const std::vector<std::string>& labels) {
  constexpr std::size_t kShown = 3;
  std::string text;
  for (std::size_t i = 0; i < std::min(labels.size(), kShown); ++i) text.append(i == 0 ? "" : ", ").append(labels[i]);
  return labels.size() <= kShown ? text : c10::str(text, " and ", labels.size() - kShown, " more");
}

void NonfiniteLog::note(Flags errors, Flags skips) {
  const auto& any = errors.bad.defined() ? errors.bad : skips.bad;
  ++steps_;
  if (!any.defined() || any.is_meta()) return;  // of meta tensors there is nothing to read
  const auto device = any.device();
  Noted noted{
      {on_its_way(errors.bad), std::move(errors.labels)}, {on_its_way(skips.bad), std::move(skips.labels)}, {}, steps_};
  if (!device.is_cpu()) {
    noted.copied.emplace(device.type());
    noted.copied->record(c10::impl::VirtualGuardImpl(device.type()).getStream(device));
  }
  pending_.push_back(std::move(noted));
}

int64_t NonfiniteLog::poll(bool wait) {
  int64_t skipped = 0;
  while (!pending_.empty()) {
    if (pending_.front().copied) {
      if (!wait && !pending_.front().copied->query()) break;
      pending_.front().copied->synchronize();
    }
    const auto noted = std::move(pending_.front());
    pending_.pop_front();
    if (noted.skips.bad.defined()) skipped += std::ssize(labels_of(noted.skips.bad, noted.skips.labels));
    if (!noted.errors.bad.defined()) continue;
    const auto errors = labels_of(noted.errors.bad, noted.errors.labels);
    if (errors.empty()) continue;
    skipped_before_ += skipped;
    TORCH_CHECK_VALUE(false, "NaN or infinite entries in ", first_labels(errors), " at step ", noted.step, " of ",
                      steps_, "; that step changed nothing (nonfinite='skip' leaves such parameters alone)");
  }
  return skipped + std::exchange(skipped_before_, 0);
}

}  // namespace fanion::optim
