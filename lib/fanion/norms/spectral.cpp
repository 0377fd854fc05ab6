#include "fanion/norms/spectral.h"

#include <algorithm>
#include <cmath>

#include "fanion/linalg/polar/newton_schulz_choice.h"
#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/rule_text.h"
#include "fanion/norms/singular.h"
#include "fanion/norms/spread_newton_schulz.h"

namespace fanion::norms {
namespace {

class Spectral final : public MatrixNorm {
 public:
  explicit Spectral(std::optional<linalg::NewtonSchulzOptions> newton_schulz)
      : newton_schulz_(std::move(newton_schulz)) {}

  std::string name() const override {
    return newton_schulz_ ? "spectral:polar=newton_schulz," + text_of(*newton_schulz_) : "spectral";
  }
  at::Tensor value_of(const at::Tensor& X) const override { return singular_values(X).amax(); }
  at::Tensor dual_of(const at::Tensor& M) const override { return singular_values(M).sum(); }
  at::Tensor projection_of(const at::Tensor& X) const override {
    return with_singular_values(X, [](const at::Tensor& sigma) { return sigma.clamp_max(1); });
  }
  double rho_of(int64_t m, int64_t n) const override { return std::sqrt(static_cast<double>(std::min(m, n))); }
  std::optional<KyFanForm> ky_fan_form(int64_t m, int64_t n) const override {
    return KyFanForm{Magnitudes::singular_values, std::min(m, n)};
  }

  int low_rank_parts() const override { return newton_schulz_ ? 0 : 1; }
  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    if (newton_schulz_) return {{DenseTerm{-1, newton_schulz(M)}}};
    return {{flattened_triplets(M, std::min(M.size(0), M.size(1)), {.method = linalg::SvdMethod::dense})}};
  }
  std::optional<linalg::NewtonSchulzOptions> newton_schulz_choice(const at::Tensor& M) const override {
    if (!newton_schulz_) return {};
    return linalg::chosen_newton_schulz(M, *newton_schulz_);
  }
  bool takes_blocks(const MatrixLayout& layout) const override {
    return newton_schulz_ && takes_spread_newton_schulz(layout, *newton_schulz_);
  }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    if (layout != nullptr && layout->is_spread()) {
      if (takes_blocks(*layout)) return {{DenseTerm{-1, spread_newton_schulz(M, *newton_schulz_, *layout)}}};
      return DirectionRule::batch_direction(M, warm, layout);  // throws
    }
    if (newton_schulz_) return {{DenseTerm{-1, newton_schulz(M)}}};
    return {{flattened_batch_triplets(M, std::min(M.size(1), M.size(2)), {.method = linalg::SvdMethod::dense})}};
  }

 private:
  at::Tensor newton_schulz(const at::Tensor& M) const {
    return linalg::newton_schulz(M, linalg::chosen_newton_schulz(M, *newton_schulz_));
  }
  std::optional<linalg::NewtonSchulzOptions> newton_schulz_;
};

}  // namespace

NormPtr spectral(std::optional<linalg::NewtonSchulzOptions> newton_schulz) {
  return std::make_shared<Spectral>(std::move(newton_schulz));
}

}  // namespace fanion::norms
