#include "fanion/linalg/dense/finite_entries.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/sum.h>

#include <cmath>

namespace fanion::linalg {

void check_finite(const at::Tensor& X, std::string_view what) {
  // A sum is NaN or Inf if an entry is. Huge finite entries can overflow it too, hence the exact second look.
  if (std::isfinite(at::sum(X).item<double>())) return;
  const auto bad = at::isfinite(X).logical_not().sum().item<int64_t>();
  TORCH_CHECK_VALUE(bad == 0, what, " has ", bad, " NaN or infinite entries out of ", X.numel());
}

}  // namespace fanion::linalg
