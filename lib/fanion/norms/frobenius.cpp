#include "fanion/norms/frobenius.h"

#include <ATen/TensorOperators.h>

#include "fanion/dtype_limits.h"
#include "fanion/kernels/sum_of_squares.h"

namespace fanion::norms {
namespace {

class Frobenius final : public MatrixNorm {
 public:
  std::string name() const override { return "frobenius"; }
  at::Tensor value_of(const at::Tensor& X) const override { return in_double(X).to(X.scalar_type()); }
  at::Tensor dual_of(const at::Tensor& M) const override { return value_of(M); }
  at::Tensor projection_of(const at::Tensor& X) const override {
    return X / in_double(X).clamp_min(1).to(X.scalar_type());
  }
  double rho_of(int64_t, int64_t) const override { return 1; }
  QuadraticMaximum maximum(const QuadraticForm& form) const override {
    return {form.top_of_A() * form.top_of_B(), true, "lambda_max(A) lambda_max(B)"};
  }

  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    const auto X = working_matrix(M);
    // Zero has no direction: 0 times the largest finite scale is still 0.
    const auto scale = in_double(X).clamp_min(smallest_normal(X.scalar_type())).reciprocal();
    return {{ScaledTerm{-1, X, scale}}};
  }

 private:
  /// ‖M‖_F as float64: neither 1e-30 nor 1e30 leaves the range.
  static at::Tensor in_double(const at::Tensor& M) { return kernels::frobenius_norm(M); }
};

}  // namespace

NormPtr frobenius() { return std::make_shared<Frobenius>(); }

}  // namespace fanion::norms
