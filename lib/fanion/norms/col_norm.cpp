#include "fanion/norms/col_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <cmath>

#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/spread_residual.h"
#include "fanion/over_norm.h"

namespace fanion::norms {
namespace {

class ColNorm final : public MatrixNorm {
 public:
  std::string name() const override { return "col_norm"; }
  at::Tensor value_of(const at::Tensor& X) const override { return columns(X).amax().to(X.scalar_type()); }
  at::Tensor dual_of(const at::Tensor& M) const override { return columns(M).sum().to(M.scalar_type()); }
  at::Tensor projection_of(const at::Tensor& X) const override { return over_norm(X, {{0}}, {.least = 1}); }
  double rho_of(int64_t, int64_t n) const override { return std::sqrt(static_cast<double>(n)); }
  std::optional<KyFanForm> ky_fan_form(int64_t, int64_t n) const override { return KyFanForm{Magnitudes::columns, n}; }
  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    return {{ResidualTerm{-1, ResidualMap::col_norm, working_matrix(M), {}, {}, {}}}};
  }
  bool takes_blocks(const MatrixLayout&) const override { return true; }
  Direction batch_direction(const at::Tensor& M, at::Tensor*, const MatrixLayout* layout) const override {
    return {{spread_residual({-1, ResidualMap::col_norm, working_batch(M), {}, {}, {}}, layout)}};
  }

 private:
  /// The 2-norm of every column, (1, n) float64: neither 1e-30 nor 1e30 leaves the range.
  static at::Tensor columns(const at::Tensor& X) {
    return at::linalg_vector_norm(X, 2, {{0}}, /*keepdim=*/true, at::kDouble);
  }
};

}  // namespace

NormPtr col_norm() { return std::make_shared<ColNorm>(); }

}  // namespace fanion::norms
