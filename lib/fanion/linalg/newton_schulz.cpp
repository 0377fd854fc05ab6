#include "fanion/linalg/newton_schulz.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>

#include <tuple>
#include <utility>

#include "fanion/linalg/polar/block_products.h"
#include "fanion/linalg/polar/gram_newton_schulz.h"
#include "fanion/names.h"
#include "fanion/no_autocast.h"
#include "fanion/over_norm.h"

namespace fanion::linalg {
namespace {

constexpr std::array<Named<NewtonSchulzForm>, 3> kForms{
    {{NewtonSchulzForm::automatic, "auto"}, {NewtonSchulzForm::direct, "direct"}, {NewtonSchulzForm::gram, "gram"}}};

constexpr std::array<Named<NewtonSchulzNorm>, 2> kNorms{
    {{NewtonSchulzNorm::frobenius, "frobenius"}, {NewtonSchulzNorm::schatten_4, "schatten_4"}}};

void check(const at::Tensor& M, const NewtonSchulzOptions& options) {
  TORCH_CHECK_VALUE(M.dim() == 2 || M.dim() == 3, "Newton–Schulz takes (m, n) or (b, m, n), got ", M.sizes());
  TORCH_CHECK_VALUE(M.is_floating_point(), "Newton–Schulz takes a floating-point matrix, got ", M.scalar_type());
  const auto given = options.coefficients.size();
  TORCH_CHECK_VALUE(options.steps >= 1, "steps = ", options.steps, " must be at least 1");
  TORCH_CHECK_VALUE(given == 1 || static_cast<int64_t>(given) == options.steps, "there are ", given,
                    " coefficient triples for ", options.steps, " steps; give one, or one per step");
  TORCH_CHECK_VALUE(options.eps >= 0, "eps = ", options.eps, " must not be negative");
}

/// M / max(‖M‖_F, eps) in `dtype`.
at::Tensor normalised(const at::Tensor& M, at::ScalarType dtype, double eps) {
  // bfloat16 has float32's range, so narrowing first is safe, and rounds as torch.optim.Muon does.
  const bool narrow_first = dtype == at::kBFloat16 && M.scalar_type() == at::kFloat;
  return over_norm(M, {{-2, -1}}, {.least = eps, .dtype = dtype, .narrow_first = narrow_first});
}

/// X over its Schatten-4 norm, and XXᵀ of that.
std::pair<at::Tensor, at::Tensor> over_schatten_4(const at::Tensor& X) {
  const auto gram = symmetric_product(X, X.mT());
  const auto wide = gram.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto size = at::linalg_vector_norm(gram, 2, {{-2, -1}}, /*keepdim=*/true, wide);
  const auto square = at::where(size > 0, size, at::ones_like(size));
  return {X / square.sqrt().to(X.scalar_type()), gram / square.to(X.scalar_type())};
}

/// `first`: XXᵀ where it is known.
at::Tensor direct_newton_schulz(at::Tensor X, const std::vector<Quintic>& steps, at::Tensor first) {
  for (const auto& [a, b, c] : steps) {
    const auto gram = first.defined() ? std::exchange(first, {}) : symmetric_product(X, X.mT());
    const auto polynomial = symmetric_product(gram, gram, c, gram, b);
    X = product(polynomial, X, 1, X, a);
  }
  return X;
}

}  // namespace

at::Tensor newton_schulz(const at::Tensor& M, const NewtonSchulzOptions& options) {
  const NoAutocast whole;
  check(M, options);
  const auto steps = step_coefficients(options);
  const bool tall = M.size(-2) > M.size(-1);
  auto X = normalised(tall ? M.detach().mT() : M.detach(), dtype_of_products(M, options), options.eps);
  at::Tensor gram;
  if (options.norm == NewtonSchulzNorm::schatten_4) std::tie(X, gram) = over_schatten_4(X);
  const auto result = options.form == NewtonSchulzForm::gram ? gram_newton_schulz(X, steps, gram)
                                                             : direct_newton_schulz(X, steps, gram);
  return tall ? result.mT() : result;
}

at::ScalarType dtype_of_products(const at::Tensor& M, const NewtonSchulzOptions& options) {
  if (options.dtype) return *options.dtype;
  if (!M.device().is_cpu()) return options.form == NewtonSchulzForm::gram ? at::kHalf : at::kBFloat16;
  return M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

std::vector<Quintic> step_coefficients(const NewtonSchulzOptions& options) {
  auto steps = options.coefficients;
  if (steps.size() == 1) steps.resize(options.steps, steps.front());
  return steps;
}

NewtonSchulzForm newton_schulz_form_from_name(std::string_view name) {
  return parse_name(kForms, name, "form of Newton–Schulz");
}
std::string_view name_of(NewtonSchulzForm form) { return find_name(kForms, form); }
NewtonSchulzNorm newton_schulz_norm_from_name(std::string_view name) {
  return parse_name(kNorms, name, "norm of Newton–Schulz");
}
std::string_view name_of(NewtonSchulzNorm norm) { return find_name(kNorms, norm); }

}  // namespace fanion::linalg
