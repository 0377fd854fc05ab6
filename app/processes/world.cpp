#include "processes/world.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/scalar_tensor.h>

#include <torch/csrc/distributed/c10d/GroupRegistry.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "fanion/distributed/collectives.h"
#include "processes/gloo_group.h"

namespace fanion::processes {
namespace {

constexpr const char* kGroup = "fanion_training";

/// What a call does, with errors of others told from this process's point of view.
template <class Call>
auto heard(const Launch& launch, Call&& call) {
  try {
    return call();
  } catch (const std::exception& error) {
    const auto* own = dynamic_cast<const c10::Error*>(&error);
    std::string why = own == nullptr ? error.what() : own->what_without_backtrace();
    why = why.substr(0, why.find('\n'));
    TORCH_CHECK(false, "process ", launch.rank, " of ", launch.size, " hears nothing of another, which may say why (",
                why, ")");
  }
}

}  // namespace

struct World::Group {
  c10::intrusive_ptr<c10d::Store> store;
  c10::intrusive_ptr<c10d::ProcessGroup> group;
  int64_t texts = 0;  ///< that the first process has told so far
};

World::World() = default;

World::World(const Launch& launch, int64_t seconds) : launch_(launch), group_(std::make_unique<Group>()) {
  const auto timeout = std::chrono::seconds(seconds);
  heard(launch, [&] {
    c10d::TCPStoreOptions options;
    options.port = launch.port;
    options.isServer = launch.rank == 0 && !launch.store_is_there;
    options.numWorkers = static_cast<std::size_t>(launch.size);
    options.timeout = timeout;
    const auto all = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
    group_->store = c10::make_intrusive<c10d::PrefixStore>("/fanion/attempt_" + launch.attempt, all);
    group_->group = gloo_group(group_->store, launch.rank, launch.size, timeout);
  });
  group_->group->setGroupName(kGroup);
  c10d::register_process_group(kGroup, group_->group);
}

World::~World() {
  if (group_ && group_->group) c10d::unregister_process_group(kGroup);
}

std::string World::device(const std::string& of_options) const {
  const at::Device device(of_options);
  if (!group_ || device.is_cpu() || device.has_index()) return of_options;
  return c10::str(of_options, ":", launch_.local_rank);
}

void World::average_(const std::vector<at::Tensor>& tensors) const {
  if (!group_ || tensors.empty()) return;
  std::vector<at::Tensor> sums;
  for (const auto& x : tensors) sums.push_back(x.to(at::kCPU));
  heard(launch_, [&] { distributed::sum_over(sums, kGroup); });
  for (std::size_t i = 0; i < tensors.size(); ++i) at::Tensor(tensors[i]).copy_(sums[i] / launch_.size);
}

bool World::any(bool here) const {
  if (!group_) return here;
  const auto x = at::scalar_tensor(here ? 1 : 0, at::kInt).reshape({1});
  heard(launch_, [&] { distributed::all_reduce_(x, "max", kGroup); });
  return x.item<int>() != 0;
}

std::string World::of_first(const std::string& text) const {
  if (!group_) return text;
  const auto key = c10::str("text_", group_->texts++);
  const auto found = heard(launch_, [&] {
    if (is_first()) group_->store->set(key, std::vector<uint8_t>(text.begin(), text.end()));
    const auto told = group_->store->get(key);
    return std::string(told.begin(), told.end());
  });
  any(false);  // the first process, which may keep the store, goes on when all have read
  return found;
}

}  // namespace fanion::processes
