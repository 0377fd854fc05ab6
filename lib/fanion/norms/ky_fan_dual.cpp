#include "fanion/norms/ky_fan_dual.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/maximum.h>

#include <cmath>

#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/rule_text.h"
#include "fanion/norms/sweep_form.h"
#include "fanion/norms/vector_projections.h"

namespace fanion::norms {
namespace {

class KyFanDual final : public MatrixNorm {
 public:
  KyFanDual(int64_t k, TripletOptions options) : k_(k), options_(options) {
    TORCH_CHECK_VALUE(k >= 1, "k = ", k, " must be at least 1");
  }

  std::string name() const override { return c10::str("ky_fan_dual:k=", k_, ",", text_of(options_)); }
  at::Tensor value_of(const at::Tensor& X) const override {
    warm_columns(X.size(0), X.size(1));
    const auto S = singular_values(X);
    return at::maximum(S.sum() / static_cast<double>(k_), S[0]);
  }
  at::Tensor dual_of(const at::Tensor& M) const override {
    warm_columns(M.size(0), M.size(1));
    return singular_values(M).narrow(0, 0, k_).sum();
  }
  at::Tensor projection_of(const at::Tensor& X) const override {
    warm_columns(X.size(0), X.size(1));
    return with_singular_values(X, [k = k_](const at::Tensor& sigma) { return onto_capped_simplex(sigma, k); });
  }
  double rho_of(int64_t, int64_t) const override { return std::sqrt(static_cast<double>(k_)); }
  std::optional<KyFanForm> ky_fan_form(int64_t m, int64_t n) const override {
    warm_columns(m, n);
    return KyFanForm{Magnitudes::singular_values, k_};
  }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    return {{flattened_triplets(M, k_, options_, warm)}};
  }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm) const override {
    if (!found_in_batches(options_, warm)) return DirectionRule::batch_direction(M, warm);
    return {{flattened_batch_triplets(M, k_, options_, warm)}};
  }
  std::optional<SweepForm> sweep_form(int64_t, int64_t) const override {
    return SweepForm{.low_rank = -1, .k = k_, .triplets = options_};
  }
  int64_t warm_columns(int64_t m, int64_t n) const override { return warm_columns_for(options_, k_, m, n); }

 private:
  int64_t k_;
  TripletOptions options_;
};

}  // namespace

NormPtr ky_fan_dual(int64_t k, TripletOptions triplets) { return std::make_shared<KyFanDual>(k, triplets); }

}  // namespace fanion::norms
