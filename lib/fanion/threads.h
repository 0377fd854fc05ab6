#pragma once

#include <cstdint>
#include <functional>

namespace fanion {

/// f(i) for 0 ≤ i < count, by as many threads as ATen uses, each of which takes the next one when it is done.
///
/// Where there are several, ATen, our kernels, BLAS and LAPACK take one thread each in there; inside another such
/// region all is done by the thread that calls. The first error that a task throws comes out.
void in_threads(int64_t count, const std::function<void(int64_t)>& f);

}  // namespace fanion
