#include "fanion/linalg/newton_schulz.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/div.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <limits>

namespace fanion::linalg {
namespace {

at::ScalarType working_dtype(const at::Tensor& M, const NewtonSchulzOptions& options) {
  if (options.dtype) return *options.dtype;
  if (!M.device().is_cpu()) return at::kBFloat16;
  return M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

/// beta·X + alpha·(A B), for matrices and batches.
at::Tensor multiply_add(const at::Tensor& X, const at::Tensor& A, const at::Tensor& B, double beta, double alpha) {
  return X.dim() == 2 ? at::addmm(X, A, B, beta, alpha) : at::baddbmm(X, A, B, beta, alpha);
}

}  // namespace

const std::vector<CoefficientSet>& coefficient_sets() {
  static const std::vector<CoefficientSet> sets = {
      {"quintic", "torch.optim.Muon 2.13 and KellerJordan/Muon: steepest at zero", {3.4445, -4.7750, 2.0315}, 5},
      {"cubic-damped", "modded-nanogpt, track 3: converges to 1", {2.0, -1.5, 0.5}, 12},
  };
  return sets;
}

const CoefficientSet& coefficient_set(std::string_view name) {
  std::string choices;
  for (const auto& set : coefficient_sets()) {
    if (set.name == name) return set;
    choices.append(choices.empty() ? "" : ", ").append(set.name);
  }
  TORCH_CHECK_VALUE(false, "unknown Newton–Schulz coefficients '", name, "'; choose one of: ", choices);
}

at::Tensor newton_schulz(const at::Tensor& M, const NewtonSchulzOptions& options) {
  TORCH_CHECK_VALUE(M.dim() == 2 || M.dim() == 3, "Newton–Schulz takes (m, n) or (b, m, n), got ", M.sizes());
  TORCH_CHECK_VALUE(M.is_floating_point(), "Newton–Schulz takes a floating-point matrix, got ", M.scalar_type());
  const auto& sets = options.coefficients;
  TORCH_CHECK_VALUE(options.steps >= 1, "steps = ", options.steps, " must be at least 1");
  TORCH_CHECK_VALUE(sets.size() == 1 || static_cast<int64_t>(sets.size()) == options.steps, "there are ", sets.size(),
                    " coefficient triples for ", options.steps, " steps; give one, or one per step");
  TORCH_CHECK_VALUE(options.eps >= 0, "eps = ", options.eps, " must not be negative");

  const auto dtype = working_dtype(M, options);
  auto input = M.size(-2) > M.size(-1) ? M.detach().mT() : M.detach();
  // bfloat16 has float32's range, so narrowing first is safe, and rounds as torch.optim.Muon does.
  const bool narrow_first = dtype == at::kBFloat16 && M.scalar_type() == at::kFloat;
  if (narrow_first) input = input.to(dtype);
  // Summed in double and otherwise divided before narrowing, so that neither 1e-30 nor 1e30 leaves the range; the
  // floor only keeps 0/0 away.
  const double floor = std::max(options.eps, static_cast<double>(std::numeric_limits<float>::min()));
  const auto norm = at::linalg_vector_norm(input, 2, {{-2, -1}}, /*keepdim=*/true, at::kDouble).clamp_min(floor);
  auto X = at::empty_like(input, dtype);
  at::div_out(X, input, norm.to(narrow_first ? dtype : M.scalar_type() == at::kDouble ? at::kDouble : at::kFloat));
  for (int64_t step = 0; step < options.steps; ++step) {
    const auto& [a, b, c] = sets[sets.size() == 1 ? 0 : step];
    const auto gram = at::matmul(X, X.mT());
    const auto polynomial = multiply_add(gram, gram, gram, b, c);
    X = multiply_add(X, polynomial, X, a, 1);
  }
  return M.size(-2) > M.size(-1) ? X.mT() : X;
}

}  // namespace fanion::linalg
