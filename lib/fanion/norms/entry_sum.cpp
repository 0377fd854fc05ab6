#include "fanion/norms/entry_sum.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/sum.h>

#include "fanion/norms/vector_projections.h"

namespace fanion::norms {
namespace {

class EntrySum final : public MatrixNorm {
 public:
  std::string name() const override { return "entry_sum"; }
  at::Tensor value_of(const at::Tensor& X) const override { return at::sum(X.abs(), at::kDouble).to(X.scalar_type()); }
  at::Tensor dual_of(const at::Tensor& M) const override { return M.abs().amax(); }
  at::Tensor projection_of(const at::Tensor& X) const override {
    const auto nearest = onto_simplex(X.abs().flatten().to(at::kDouble)).view(X.sizes());
    return at::sign(X) * nearest.to(X.scalar_type());
  }
  double rho_of(int64_t, int64_t) const override { return 1; }

  std::optional<KyFanForm> ky_fan_form(int64_t, int64_t) const override { return KyFanForm{Magnitudes::entries, 1}; }
  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    const auto X = working_matrix(M), size = X.abs();
    const auto largest = size == size.amax();
    return {{DenseTerm{-1, at::sign(X) * largest / largest.sum()}}};
  }
};

}  // namespace

NormPtr entry_sum() { return std::make_shared<EntrySum>(); }

}  // namespace fanion::norms
