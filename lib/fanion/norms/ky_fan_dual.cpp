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
  KyFanDual(Rank k, TripletOptions options) : k_(k), options_(options) { k.check_at_least(1); }

  std::string name() const override { return c10::str("ky_fan_dual:", k_.text(), ",", text_of(options_)); }
  at::Tensor value_of(const at::Tensor& X) const override {
    const auto k = static_cast<double>(fitting(X));
    const auto S = singular_values(X);
    return at::maximum(S.sum() / k, S[0]);
  }
  at::Tensor dual_of(const at::Tensor& M) const override { return singular_values(M).narrow(0, 0, fitting(M)).sum(); }
  at::Tensor projection_of(const at::Tensor& X) const override {
    return with_singular_values(X, [k = fitting(X)](const at::Tensor& sigma) { return onto_capped_simplex(sigma, k); });
  }
  double rho_of(int64_t m, int64_t n) const override { return std::sqrt(static_cast<double>(k_.of(m, n))); }
  std::optional<KyFanForm> ky_fan_form(int64_t m, int64_t n) const override {
    return KyFanForm{Magnitudes::singular_values, fitting(m, n)};
  }
  int low_rank_parts() const override { return 1; }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    return {{flattened_triplets(M, fitting(M), options_, warm)}};
  }
  bool takes_blocks(const MatrixLayout&) const override { return found_in_passes(options_); }
  bool takes_replicas() const override { return found_in_passes(options_); }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    if (!found_in_batches(options_, warm)) return DirectionRule::batch_direction(M, warm, layout);
    const auto [m, n] = whole_shape(M, layout);
    return {{flattened_batch_triplets(M, fitting(m, n), options_, warm, layout)}};
  }
  std::optional<SweepForm> sweep_form(int64_t m, int64_t n) const override {
    return SweepForm{.low_rank = -1, .k = fitting(m, n), .triplets = options_};
  }
  int64_t warm_columns(int64_t m, int64_t n) const override { return warm_columns_for(options_, k_.of(m, n), m, n); }

 private:
  /// k, which throws as `warm_columns` does.
  int64_t fitting(int64_t m, int64_t n) const {
    warm_columns(m, n);
    return k_.of(m, n);
  }
  int64_t fitting(const at::Tensor& M) const { return fitting(M.size(0), M.size(1)); }

  Rank k_;
  TripletOptions options_;
};

}  // namespace

NormPtr ky_fan_dual(Rank k, TripletOptions triplets) { return std::make_shared<KyFanDual>(k, triplets); }

}  // namespace fanion::norms
