#pragma once

#include <c10/core/Device.h>

namespace fanion::record {

/// Seconds of a steady clock, read when the device has done all it was given: what a call on an accelerator returns
/// before is its launch, not its work.
double device_seconds(const c10::Device& device);

}  // namespace fanion::record
