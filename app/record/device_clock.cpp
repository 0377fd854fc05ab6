#include "record/device_clock.h"

#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>

namespace fanion::record {

double device_seconds(const c10::Device& device) {
  if (!device.is_cpu()) {
    const c10::impl::VirtualGuardImpl guard(device.type());
    guard.synchronizeDevice(device.has_index() ? device.index() : guard.getDevice().index());
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace fanion::record
