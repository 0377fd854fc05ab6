#include "fanion/norms/quadratic_form.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_eigvalsh.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fanion::norms {
namespace {

/// `matrix` as float64 on the CPU, exactly symmetric, and its eigenvalues, descending, none negative.
std::pair<at::Tensor, std::vector<double>> checked(const at::Tensor& matrix, const char* name) {
  TORCH_CHECK_VALUE(matrix.defined() && matrix.dim() == 2 && matrix.size(0) == matrix.size(1) && matrix.numel() > 0,
                    name, " must be a square matrix, got ",
                    matrix.defined() ? c10::str(matrix.sizes()) : "an undefined tensor");
  TORCH_CHECK_VALUE(matrix.is_floating_point(), name, " must be floating-point, got ", matrix.scalar_type());
  const auto X = matrix.detach().to(at::kCPU, at::kDouble);
  TORCH_CHECK_VALUE(at::isfinite(X).all().item<bool>(), name, " has NaN or infinite entries");
  // Entries computed in the matrix's own precision are off by a few of its roundoffs, and eigenvalues, of a symmetric
  // matrix of such errors, by √n of that.
  const double roundoff = matrix.scalar_type() == at::kDouble  ? 0x1p-53
                          : matrix.scalar_type() == at::kFloat ? 0x1p-24
                          : matrix.scalar_type() == at::kHalf  ? 0x1p-11
                                                               : 0x1p-8;
  const double rounding = 8 * roundoff;
  const double asymmetry = (X - X.t()).abs().max().item<double>(), size = X.abs().max().item<double>();
  TORCH_CHECK_VALUE(asymmetry <= rounding * size, name, " must be symmetric, but |", name, " - ", name, "'| reaches ",
                    asymmetry);
  const auto symmetric = (X + X.t()) / 2;
  const auto ascending = at::linalg_eigvalsh(symmetric).contiguous();
  std::vector<double> values(ascending.const_data_ptr<double>(), ascending.const_data_ptr<double>() + X.size(0));
  std::reverse(values.begin(), values.end());
  TORCH_CHECK_VALUE(values.back() >= -std::min(rounding * std::sqrt(static_cast<double>(X.size(0))), 0.1) *
                                         std::max(values.front(), size),
                    name, " must be positive semidefinite, but has the eigenvalue ", values.back());
  for (auto& value : values) value = std::max(value, 0.0);
  return {symmetric, values};
}

}  // namespace

QuadraticForm::QuadraticForm(const at::Tensor& A, const at::Tensor& B) {
  std::tie(A_, eigenvalues_of_A_) = checked(A, "A");
  std::tie(B_, eigenvalues_of_B_) = checked(B, "B");
  const auto smaller = std::min(eigenvalues_of_A_.size(), eigenvalues_of_B_.size());
  for (std::size_t i = 0; i < smaller; ++i) products_.push_back(eigenvalues_of_A_[i] * eigenvalues_of_B_[i]);
}

double QuadraticForm::sum_of_products(int64_t k) const {
  return std::accumulate(products_.begin(), products_.begin() + k, 0.0);
}

}  // namespace fanion::norms
