#include "fanion/norms/ky_fan.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "fanion/norms/singular.h"
#include "fanion/norms/vector_projections.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {
namespace {

class KyFan final : public MatrixNorm {
 public:
  explicit KyFan(int64_t k) : k_(k) { TORCH_CHECK_VALUE(k >= 1, "k = ", k, " must be at least 1"); }

  std::string name() const override { return c10::str("ky_fan:k=", k_); }
  at::Tensor value_of(const at::Tensor& X) const override {
    warm_columns(X.size(0), X.size(1));
    return singular_values(X).narrow(0, 0, k_).sum();
  }
  at::Tensor dual_of(const at::Tensor& M) const override {
    warm_columns(M.size(0), M.size(1));
    const auto S = singular_values(M);
    return at::maximum(S.sum() / static_cast<double>(k_), S[0]);
  }
  at::Tensor projection_of(const at::Tensor& X) const override {
    warm_columns(X.size(0), X.size(1));
    return with_singular_values(X, [k = k_](const at::Tensor& sigma) { return onto_ky_fan_ball(sigma, k); });
  }
  double rho_of(int64_t m, int64_t n) const override {
    return std::max(std::sqrt(static_cast<double>(std::min(m, n))) / static_cast<double>(k_), 1.0);
  }
  double nominal_frobenius(int64_t m, int64_t n) const override {
    warm_columns(m, n);
    const auto sigma = nominal_spectrum(std::min(m, n));
    const auto k = static_cast<double>(k_);
    const double sum = std::accumulate(sigma.begin(), sigma.end(), 0.0);
    return sigma.front() * k >= sum ? 1 : std::sqrt(static_cast<double>(sigma.size())) / k;
  }
  /// The extreme points of the ball are uvᵀ and, of full rank, UVᵀ/k.
  QuadraticMaximum maximum(const QuadraticForm& form) const override {
    warm_columns_for({}, k_, form.rows(), form.cols());
    const auto k = static_cast<double>(k_);
    return {std::max(form.products().front(), form.sum_of_products(std::min(form.rows(), form.cols())) / (k * k)), true,
            "the larger of lambda_1(A) lambda_1(B) and sum of lambda_i(A) lambda_i(B) / k^2"};
  }

  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    warm_columns(M.size(0), M.size(1));
    const auto [U, S, V] = all_triplets(to_middle_of_range(working_matrix(M)).X);
    const auto k = static_cast<double>(k_);
    auto first = at::zeros_like(S);
    first[0] = 1;
    const auto weights = at::where(S[0] * k >= S.sum(), first, at::full_like(S, 1 / k));
    return {{LowRankTerm{-1, without_null_columns(U, S, M.size(0), M.size(1)) * weights.to(U.scalar_type()), V}}};
  }

  int64_t warm_columns(int64_t m, int64_t n) const override { return warm_columns_for({}, k_, m, n); }

 private:
  int64_t k_;
};

}  // namespace

NormPtr ky_fan(int64_t k) { return std::make_shared<KyFan>(k); }

}  // namespace fanion::norms
