#pragma once

#include <c10/core/DispatchKeySet.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

namespace fanion {

/// While it lives, this thread computes in the dtypes of its tensors, whatever autocast it is in, on every device: as
/// `torch.autocast(enabled=False)`. Every entrance of the library that multiplies holds one, so that results are those
/// found outside, also in the functions of a user that are called back.
class NoAutocast {
  c10::impl::ExcludeDispatchKeyGuard off_{c10::autocast_dispatch_keyset};
};

}  // namespace fanion
