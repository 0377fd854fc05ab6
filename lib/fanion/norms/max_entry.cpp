#include "fanion/norms/max_entry.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/sum.h>

#include <cmath>

#include "fanion/norms/sweep_form.h"

namespace fanion::norms {
namespace {

class MaxEntry final : public MatrixNorm {
 public:
  std::string name() const override { return "max_entry"; }
  at::Tensor value_of(const at::Tensor& X) const override { return X.abs().amax(); }
  at::Tensor dual_of(const at::Tensor& M) const override { return at::sum(M.abs(), at::kDouble).to(M.scalar_type()); }
  at::Tensor projection_of(const at::Tensor& X) const override { return X.clamp(-1, 1); }
  double rho_of(int64_t m, int64_t n) const override {
    return std::sqrt(static_cast<double>(m) * static_cast<double>(n));
  }
  std::optional<KyFanForm> ky_fan_form(int64_t m, int64_t n) const override {
    return KyFanForm{Magnitudes::entries, m * n};
  }
  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    return {{ResidualTerm{-1, ResidualMap::sign, working_matrix(M), {}, {}, {}}}};
  }
  bool takes_blocks(const MatrixLayout&) const override { return true; }
  Direction batch_direction(const at::Tensor& M, at::Tensor*, const MatrixLayout*) const override {
    return {{ResidualTerm{-1, ResidualMap::sign, M, {}, {}, {}}}};
  }
  std::optional<SweepForm> sweep_form(int64_t, int64_t) const override {
    return SweepForm{.rest = -1, .map = SweepForm::Rest::sign};
  }
};

}  // namespace

NormPtr max_entry() { return std::make_shared<MaxEntry>(); }

}  // namespace fanion::norms
