#pragma once

#include <cstdint>
#include <functional>

namespace fanion {

/// Elements of a simple loop from which a second thread pays: the grain of `at::parallel_for`.
inline constexpr int64_t kThreadShare = 32768;

/// f(i) for 0 ≤ i < count, by as many threads as ATen uses, each of which takes the next one when it is done.
///
/// Where there are several, ATen, our kernels, BLAS and LAPACK take one thread each in there; inside another such
/// region all is done by the thread that calls. The first error that a task throws comes out.
void in_threads(int64_t count, const std::function<void(int64_t)>& f);

}  // namespace fanion
