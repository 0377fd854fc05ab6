#include "fanion/norms/frobenius.h"

#include <ATen/TensorOperators.h>

#include "fanion/dtype_limits.h"
#include "fanion/kernels/sum_of_squares.h"
#include "fanion/norms/sweep_form.h"
#include "fanion/over_norm.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {
namespace {

class Frobenius final : public MatrixNorm {
 public:
  std::string name() const override { return "frobenius"; }
  at::Tensor value_of(const at::Tensor& X) const override { return in_double(X).to(X.scalar_type()); }
  at::Tensor dual_of(const at::Tensor& M) const override { return value_of(M); }
  at::Tensor projection_of(const at::Tensor& X) const override { return over_norm(X, std::nullopt, {.least = 1}); }
  double rho_of(int64_t, int64_t) const override { return 1; }
  QuadraticMaximum maximum(const QuadraticForm& form) const override {
    return {form.top_of_A() * form.top_of_B(), true, "lambda_max(A) lambda_max(B)"};
  }

  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    const auto X = working_matrix(M);
    const auto norm = in_double(X);
    if (norm.device().is_cpu() && !can_divide(norm.item<double>(), X.scalar_type())) {
      const auto scaled = to_middle_of_range(X).X;
      return along(scaled, in_double(scaled));
    }
    return along(X, norm);
  }
  bool takes_blocks(const MatrixLayout&) const override { return true; }
  Direction batch_direction(const at::Tensor& M, at::Tensor*, const MatrixLayout* layout) const override {
    const auto norm = slice_norms(M, {-2, -1}, layout);
    return {{ScaledTerm{-1, M, norm.clamp_min(smallest_normal(M.scalar_type())).reciprocal()}}};
  }
  std::optional<SweepForm> sweep_form(int64_t, int64_t) const override {
    return SweepForm{.rest = -1, .map = SweepForm::Rest::frobenius};
  }

 private:
  /// ‖M‖_F as float64: neither 1e-30 nor 1e30 leaves the range.
  static at::Tensor in_double(const at::Tensor& M) { return kernels::frobenius_norm(M); }
  /// Whether 1/norm has all its digits in the dtype.
  static bool can_divide(double norm, at::ScalarType dtype) {
    const double most = dtype == at::kDouble ? 0x1p+1000 : 0x1p+100;
    return norm == 0 || (norm > 1 / most && norm < most);
  }
  static Direction along(const at::Tensor& X, const at::Tensor& norm) {
    // Zero has no direction: 0 times the largest finite scale is still 0.
    return {{ScaledTerm{-1, X, norm.clamp_min(smallest_normal(X.scalar_type())).reciprocal()}}};
  }
};

}  // namespace

NormPtr frobenius() { return std::make_shared<Frobenius>(); }

}  // namespace fanion::norms
