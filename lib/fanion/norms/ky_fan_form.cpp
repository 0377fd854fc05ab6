#include "fanion/norms/ky_fan_form.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/sort.h>

#include "fanion/norms/singular.h"

namespace fanion::norms {
namespace {

at::Tensor descending(const at::Tensor& s) { return std::get<0>(at::sort(s, /*dim=*/0, /*descending=*/true)); }

}  // namespace

at::Tensor magnitudes(const at::Tensor& X, Magnitudes of) {
  switch (of) {
    case Magnitudes::singular_values: return singular_values_in_double(X);
    case Magnitudes::entries: return descending(X.abs().flatten());
    case Magnitudes::rows: return descending(at::linalg_vector_norm(X, 2, {{1}}, false, at::kDouble));
    case Magnitudes::columns: return descending(at::linalg_vector_norm(X, 2, {{0}}, false, at::kDouble));
  }
  TORCH_INTERNAL_ASSERT(false);
}

}  // namespace fanion::norms
