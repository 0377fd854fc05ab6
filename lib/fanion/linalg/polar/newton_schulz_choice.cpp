#include "fanion/linalg/polar/newton_schulz_choice.h"

#include <algorithm>
#include <limits>

#include "fanion/kernels/instruction_set.h"
#include "fanion/linalg/polar/block_products.h"
#include "fanion/linalg/polar/gram_newton_schulz.h"

namespace fanion::linalg {

double newton_schulz_products(int64_t m, int64_t n, NewtonSchulzForm form, at::ScalarType dtype,
                              const std::vector<Quintic>& steps) {
  const double share = symmetric_share(m, dtype), ratio = static_cast<double>(n) / static_cast<double>(m);
  const auto count = static_cast<double>(steps.size());
  if (form == NewtonSchulzForm::direct) return count * ((1 + share) * ratio + share);
  const auto runs = static_cast<double>(gram_restarts(steps, dtype).size() + 1);
  if (runs >= count && count > 1) return std::numeric_limits<double>::infinity();
  return runs * (1 + share) * ratio + (4 * count - 3 * runs) * share;
}

NewtonSchulzOptions chosen_newton_schulz(const at::Tensor& M, NewtonSchulzOptions options) {
  const bool open = options.form == NewtonSchulzForm::automatic;
  if (open) options.form = NewtonSchulzForm::direct;
  const int64_t m = std::min(M.size(-2), M.size(-1)), n = std::max(M.size(-2), M.size(-1));
  const bool plain = !M.device().is_cpu() || M.scalar_type() == at::kDouble || m < kManyRows;
  if (!plain && !options.dtype) options.dtype = kernels::multiplies_pairs() ? at::kBFloat16 : at::kFloat;
  options.dtype = dtype_of_products(M, options);
  if (plain) return options;
  if (!open || options.dtype == at::kDouble) return options;
  const auto steps = step_coefficients(options);
  const auto products = [&](NewtonSchulzForm form) {
    return newton_schulz_products(m, n, form, *options.dtype, steps);
  };
  if (products(NewtonSchulzForm::gram) < products(NewtonSchulzForm::direct)) options.form = NewtonSchulzForm::gram;
  return options;
}

}  // namespace fanion::linalg
