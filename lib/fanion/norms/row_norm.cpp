#include "fanion/norms/row_norm.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>

#include <cmath>

#include "fanion/norms/batch_triplets.h"
#include "fanion/norms/spread_residual.h"
#include "fanion/over_norm.h"

namespace fanion::norms {
namespace {

class RowNorm final : public MatrixNorm {
 public:
  std::string name() const override { return "row_norm"; }
  at::Tensor value_of(const at::Tensor& X) const override { return rows(X).amax().to(X.scalar_type()); }
  at::Tensor dual_of(const at::Tensor& M) const override { return rows(M).sum().to(M.scalar_type()); }
  at::Tensor projection_of(const at::Tensor& X) const override { return over_norm(X, {{1}}, {.least = 1}); }
  double rho_of(int64_t m, int64_t) const override { return std::sqrt(static_cast<double>(m)); }
  std::optional<KyFanForm> ky_fan_form(int64_t m, int64_t) const override { return KyFanForm{Magnitudes::rows, m}; }
  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    return {{ResidualTerm{-1, ResidualMap::row_norm, working_matrix(M), {}, {}, {}}}};
  }
  bool takes_blocks(const MatrixLayout&) const override { return true; }
  Direction batch_direction(const at::Tensor& M, at::Tensor*, const MatrixLayout* layout) const override {
    return {{spread_residual({-1, ResidualMap::row_norm, working_batch(M), {}, {}, {}}, layout)}};
  }

 private:
  /// The 2-norm of every row, (m, 1) float64: neither 1e-30 nor 1e30 leaves the range.
  static at::Tensor rows(const at::Tensor& X) {
    return at::linalg_vector_norm(X, 2, {{1}}, /*keepdim=*/true, at::kDouble);
  }
};

}  // namespace

NormPtr row_norm() { return std::make_shared<RowNorm>(); }

}  // namespace fanion::norms
