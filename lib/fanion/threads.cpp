#include "fanion/threads.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>

#include <algorithm>
#include <atomic>

/// MKL's, which torch's wheels for x86 contain and export; absent elsewhere. Returns what was set before (0: nothing).
extern "C" int MKL_Set_Num_Threads_Local(int threads) __attribute__((weak));

namespace fanion {
namespace {

/// One thread for MKL in this thread. OpenMP gives a team within a team one thread; ATen and OpenBLAS see that, but
/// MKL, whose own caution torch switches off (mkl_set_dynamic), shares its work among the team it asked for and waits
/// for ever for those that never came.
class OneThreadOfMkl {
 public:
  OneThreadOfMkl() : before_(MKL_Set_Num_Threads_Local == nullptr ? 0 : MKL_Set_Num_Threads_Local(1)) {}
  ~OneThreadOfMkl() {
    if (MKL_Set_Num_Threads_Local != nullptr) MKL_Set_Num_Threads_Local(before_);
  }
  OneThreadOfMkl(const OneThreadOfMkl&) = delete;
  OneThreadOfMkl& operator=(const OneThreadOfMkl&) = delete;

 private:
  int before_;
};

}  // namespace

void in_threads(int64_t count, const std::function<void(int64_t)>& f) {
  const auto threads = at::in_parallel_region() ? 1 : std::min<int64_t>(at::get_num_threads(), count);
  if (threads <= 1) {
    for (int64_t i = 0; i < count; ++i) f(i);
    return;
  }
  const at::ThreadLocalState state;
  std::atomic<int64_t> next{0};
  at::parallel_for(0, threads, 1, [&](int64_t, int64_t) {
    const at::ThreadLocalStateGuard same(state);
    at::internal::lazy_init_num_threads();  // sets MKL's number, and would do so at the first operator
    const OneThreadOfMkl alone;
    for (int64_t i = next++; i < count; i = next++) f(i);
  });
}

}  // namespace fanion
