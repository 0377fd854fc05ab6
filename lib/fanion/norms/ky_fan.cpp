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
  explicit KyFan(Rank k) : k_(k) { k.check_at_least(1); }

  std::string name() const override { return "ky_fan:" + k_.text(); }
  at::Tensor value_of(const at::Tensor& X) const override {
    return singular_values(X).narrow(0, 0, fitting(X.size(0), X.size(1))).sum();
  }
  at::Tensor dual_of(const at::Tensor& M) const override {
    const auto k = static_cast<double>(fitting(M.size(0), M.size(1)));
    const auto S = singular_values(M);
    return at::maximum(S.sum() / k, S[0]);
  }
  at::Tensor projection_of(const at::Tensor& X) const override {
    return with_singular_values(
        X, [k = fitting(X.size(0), X.size(1))](const at::Tensor& sigma) { return onto_ky_fan_ball(sigma, k); });
  }
  double rho_of(int64_t m, int64_t n) const override {
    return std::max(std::sqrt(static_cast<double>(std::min(m, n))) / static_cast<double>(k_.of(m, n)), 1.0);
  }
  double nominal_frobenius(int64_t m, int64_t n) const override {
    const auto sigma = nominal_spectrum(std::min(m, n));
    const auto k = static_cast<double>(fitting(m, n));
    const double sum = std::accumulate(sigma.begin(), sigma.end(), 0.0);
    return sigma.front() * k >= sum ? 1 : std::sqrt(static_cast<double>(sigma.size())) / k;
  }
  /// The extreme points of the ball are uvᵀ and, of full rank, UVᵀ/k.
  QuadraticMaximum maximum(const QuadraticForm& form) const override {
    const auto k = static_cast<double>(fitting(form.rows(), form.cols()));
    return {std::max(form.products().front(), form.sum_of_products(std::min(form.rows(), form.cols())) / (k * k)), true,
            "the larger of lambda_1(A) lambda_1(B) and sum of lambda_i(A) lambda_i(B) / k^2"};
  }

  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    const auto k = static_cast<double>(fitting(M.size(0), M.size(1)));
    const auto [U, S, V] = all_triplets(to_middle_of_range(working_matrix(M)).X);
    auto first = at::zeros_like(S);
    first[0] = 1;
    const auto weights = at::where(S[0] * k >= S.sum(), first, at::full_like(S, 1 / k));
    return {{LowRankTerm{-1, without_null_columns(U, S, M.size(0), M.size(1)) * weights.to(U.scalar_type()), V}}};
  }

  int64_t warm_columns(int64_t m, int64_t n) const override { return warm_columns_for({}, k_.of(m, n), m, n); }

  /// k, which throws as `warm_columns` does.
  int64_t fitting(int64_t m, int64_t n) const {
    warm_columns(m, n);
    return k_.of(m, n);
  }

 private:
  Rank k_;
};

}  // namespace

NormPtr ky_fan(Rank k) { return std::make_shared<KyFan>(k); }

std::optional<int64_t> ky_fan_rank(const MatrixNorm& norm, int64_t m, int64_t n) {
  const auto* found = dynamic_cast<const KyFan*>(&norm);
  return found == nullptr ? std::nullopt : std::optional(found->fitting(m, n));
}

}  // namespace fanion::norms
