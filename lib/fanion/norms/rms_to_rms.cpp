#include "fanion/norms/rms_to_rms.h"

#include <ATen/TensorOperators.h>

#include <cmath>

#include "fanion/norms/rule_text.h"
#include "fanion/norms/singular.h"

namespace fanion::norms {
namespace {

class RmsToRms final : public MatrixNorm {
 public:
  explicit RmsToRms(std::optional<linalg::NewtonSchulzOptions> newton_schulz)
      : newton_schulz_(std::move(newton_schulz)), spectral_(spectral(newton_schulz_)) {}

  std::string name() const override {
    return newton_schulz_ ? "rms_to_rms:polar=newton_schulz," + text_of(*newton_schulz_) : "rms_to_rms";
  }
  at::Tensor value_of(const at::Tensor& X) const override { return spectral_->value(X) / radius(X.size(0), X.size(1)); }
  at::Tensor dual_of(const at::Tensor& M) const override { return spectral_->dual(M) * radius(M.size(0), M.size(1)); }
  at::Tensor projection_of(const at::Tensor& X) const override {
    const double r = radius(X.size(0), X.size(1));
    return with_singular_values(X, [r](const at::Tensor& sigma) { return sigma.clamp_max(r); });
  }
  double rho_of(int64_t m, int64_t n) const override { return radius(m, n) * spectral_->rho(m, n); }
  std::optional<KyFanForm> ky_fan_form(int64_t m, int64_t n) const override {
    return KyFanForm{Magnitudes::singular_values, std::min(m, n), radius(m, n)};
  }
  int low_rank_parts() const override { return spectral_->low_rank_parts(); }
  std::optional<linalg::NewtonSchulzOptions> newton_schulz_choice(const at::Tensor& M) const override {
    return spectral_->newton_schulz_choice(M);
  }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    auto D = spectral_->direction(M, warm);
    return D *= radius(M.size(0), M.size(1));
  }
  bool takes_blocks(const MatrixLayout& layout) const override { return spectral_->takes_blocks(layout); }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    const auto [m, n] = whole_shape(M, layout);
    auto D = spectral_->batch_direction(M, warm, layout);
    return D *= radius(m, n);
  }

 private:
  /// The spectral norm of the unit sphere.
  static double radius(int64_t m, int64_t n) { return std::sqrt(static_cast<double>(m) / static_cast<double>(n)); }

  std::optional<linalg::NewtonSchulzOptions> newton_schulz_;
  NormPtr spectral_;
};

}  // namespace

NormPtr rms_to_rms(std::optional<linalg::NewtonSchulzOptions> newton_schulz) {
  return std::make_shared<RmsToRms>(std::move(newton_schulz));
}

}  // namespace fanion::norms
