#include "processes/gloo_group.h"

#define USE_C10D_GLOO
#include <cstdlib>
#include <sstream>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

namespace fanion::processes {

c10::intrusive_ptr<c10d::ProcessGroup> gloo_group(const c10::intrusive_ptr<c10d::Store>& store, int64_t rank,
                                                  int64_t size, std::chrono::milliseconds timeout) {
  using c10d::ProcessGroupGloo;
  const auto options = ProcessGroupGloo::Options::create(timeout);
  const char* names = std::getenv("GLOO_SOCKET_IFNAME");
  std::stringstream interfaces(names == nullptr ? "" : names);
  for (std::string name; std::getline(interfaces, name, ',');)
    options->devices.push_back(ProcessGroupGloo::createDeviceForInterface(name));
  if (options->devices.empty()) options->devices.push_back(ProcessGroupGloo::createDefaultDevice());
  const int place = static_cast<int>(rank), count = static_cast<int>(size);
  const auto backend = c10::make_intrusive<ProcessGroupGloo>(store, place, count, options);
  auto group = c10::make_intrusive<c10d::ProcessGroup>(store, place, count);
  group->setBackend(at::kCPU, c10d::ProcessGroup::BackendType::GLOO, backend);
  group->setDefaultBackend(c10d::ProcessGroup::BackendType::GLOO);
  return group;
}

}  // namespace fanion::processes
