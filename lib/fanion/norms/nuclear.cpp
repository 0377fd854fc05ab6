#include "fanion/norms/nuclear.h"

#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/rule_text.h"
#include "fanion/norms/sweep_form.h"
#include "fanion/norms/vector_projections.h"

namespace fanion::norms {
namespace {

class Nuclear final : public MatrixNorm {
 public:
  explicit Nuclear(TripletOptions options) : options_(options) {}

  std::string name() const override { return "nuclear:" + text_of(options_); }
  at::Tensor value_of(const at::Tensor& X) const override { return singular_values(X).sum(); }
  at::Tensor dual_of(const at::Tensor& M) const override { return singular_values(M).amax(); }
  at::Tensor projection_of(const at::Tensor& X) const override { return with_singular_values(X, onto_simplex); }
  double rho_of(int64_t, int64_t) const override { return 1; }
  std::optional<KyFanForm> ky_fan_form(int64_t, int64_t) const override {
    return KyFanForm{Magnitudes::singular_values, 1};
  }
  int low_rank_parts() const override { return 1; }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    return {{flattened_triplets(M, 1, options_, warm)}};
  }
  bool takes_blocks(const MatrixLayout&) const override { return found_in_passes(options_); }
  bool takes_replicas() const override { return found_in_passes(options_); }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    if (!found_in_batches(options_, warm)) return DirectionRule::batch_direction(M, warm, layout);
    return {{flattened_batch_triplets(M, 1, options_, warm, layout)}};
  }
  std::optional<SweepForm> sweep_form(int64_t, int64_t) const override {
    return SweepForm{.low_rank = -1, .k = 1, .triplets = options_};
  }
  int64_t warm_columns(int64_t m, int64_t n) const override { return warm_columns_for(options_, 1, m, n); }

 private:
  TripletOptions options_;
};

}  // namespace

NormPtr nuclear(TripletOptions triplets) { return std::make_shared<Nuclear>(triplets); }

}  // namespace fanion::norms
