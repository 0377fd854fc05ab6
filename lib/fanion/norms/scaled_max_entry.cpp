#include "fanion/norms/scaled_max_entry.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "fanion/norms/max_entry.h"
#include "fanion/norms/sweep_form.h"

namespace fanion::norms {
namespace {

class ScaledMaxEntry final : public MatrixNorm {
 public:
  explicit ScaledMaxEntry(std::optional<Rank> k) : k_(k) {
    if (k) k->check_at_least(1);
  }

  std::string name() const override { return k_ ? "scaled_max_entry:" + k_->text() : "scaled_max_entry"; }
  at::Tensor value_of(const at::Tensor& X) const override {
    return max_entry_->value(X) / radius(X.size(0), X.size(1));
  }
  at::Tensor dual_of(const at::Tensor& M) const override { return max_entry_->dual(M) * radius(M.size(0), M.size(1)); }
  at::Tensor projection_of(const at::Tensor& X) const override {
    const double c = radius(X.size(0), X.size(1));
    return X.clamp(-c, c);
  }
  double rho_of(int64_t m, int64_t n) const override { return radius(m, n) * max_entry_->rho(m, n); }
  std::optional<KyFanForm> ky_fan_form(int64_t m, int64_t n) const override {
    return KyFanForm{Magnitudes::entries, m * n, radius(m, n)};
  }
  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    auto D = max_entry_->direction(M);
    return D *= radius(M.size(0), M.size(1));
  }
  bool takes_blocks(const MatrixLayout&) const override { return true; }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    const auto [m, n] = whole_shape(M, layout);
    auto D = max_entry_->batch_direction(M, warm, layout);
    return D *= radius(m, n);
  }
  std::optional<SweepForm> sweep_form(int64_t m, int64_t n) const override {
    return SweepForm{.rest = -radius(m, n), .map = SweepForm::Rest::sign};
  }
  int64_t warm_columns(int64_t m, int64_t n) const override {
    radius(m, n);
    return 0;
  }

 private:
  /// c, the size of the entries on the unit sphere.
  double radius(int64_t m, int64_t n) const {
    const int64_t k = k_ ? k_->fitting(m, n) : std::min(m, n);
    return std::sqrt(static_cast<double>(k) / (static_cast<double>(m) * static_cast<double>(n)));
  }

  std::optional<Rank> k_;
  NormPtr max_entry_ = max_entry();
};

}  // namespace

NormPtr scaled_max_entry(std::optional<Rank> k) { return std::make_shared<ScaledMaxEntry>(k); }

}  // namespace fanion::norms
