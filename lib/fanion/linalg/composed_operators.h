#pragma once

#include <memory>
#include <vector>

#include "fanion/linalg/linear_operator.h"

/// Operators made of operators, never formed: sums, products, low-rank corrections, row blocks, transposes.
///
/// A composite shares its parts, so a tree of them may outlive whoever made it. It counts its own products; each
/// part counts those it took part in. Parts of different dtype or device, or of sizes that do not fit, throw naming
/// both. The cost of a product is that of its parts' products.
namespace fanion::linalg {

using OperatorPtr = std::shared_ptr<const LinearOperator>;

/// Σ w_i A_i of equal shapes. A + U diag(s) Vᵀ and the deflated A − U diag(s) Vᵀ are sums with a LowRankOperator.
class SumOperator final : public LinearOperator {
 public:
  /// `weights`: one finite number per term; empty: all 1.
  explicit SumOperator(std::vector<OperatorPtr> terms, std::vector<double> weights = {});
  int64_t entries() const override;
  at::Tensor to_dense() const override;
  double rounding_scale() const override;  ///< Σ |w_i| ‖A_i‖ of more than one term

 private:
  template <class Part>
  at::Tensor sum_of(const Part& part) const;
  template <class Part>
  at::Tensor sum_in_double(const Part& part) const;  ///< undefined where a part's is
  at::Tensor product(const at::Tensor& V) const override;
  at::Tensor adjoint_product(const at::Tensor& U) const override;
  at::Tensor product_in_double(const at::Tensor& V) const override;
  at::Tensor adjoint_product_in_double(const at::Tensor& U) const override;
  std::vector<OperatorPtr> terms_;
  std::vector<double> weights_;
  mutable std::optional<double> scale_;
};

/// A B with A (m, p) and B (p, n).
class ProductOperator final : public LinearOperator {
 public:
  ProductOperator(OperatorPtr A, OperatorPtr B);
  int64_t entries() const override { return A_->entries() + B_->entries(); }
  at::Tensor to_dense() const override;
  double rounding_scale() const override;  ///< ‖A‖ ‖B‖

 private:
  at::Tensor product(const at::Tensor& V) const override { return A_->apply(B_->apply(V)); }
  at::Tensor adjoint_product(const at::Tensor& U) const override { return B_->apply_adjoint(A_->apply_adjoint(U)); }
  at::Tensor product_in_double(const at::Tensor& V) const override;
  at::Tensor adjoint_product_in_double(const at::Tensor& U) const override;
  OperatorPtr A_;
  OperatorPtr B_;
  mutable std::optional<double> scale_;
};

/// U diag(s) Vᵀ with U (m, r), s (r,) of either sign and V (n, r), r ≥ 0, finite, float32 or float64.
/// Nothing need be orthonormal. Cost: 2(m + n) r per product.
class LowRankOperator final : public LinearOperator {
 public:
  LowRankOperator(const at::Tensor& U, const at::Tensor& s, const at::Tensor& V);
  int64_t entries() const override { return U_.numel() + V_.numel(); }
  at::Tensor to_dense() const override;
  double rounding_scale() const override { return scale_; }  ///< (Σ sᵢ²‖uᵢ‖²‖vᵢ‖²)^½

 private:
  at::Tensor product(const at::Tensor& X) const override;
  at::Tensor adjoint_product(const at::Tensor& X) const override;
  at::Tensor product_in_double(const at::Tensor& X) const override;
  at::Tensor adjoint_product_in_double(const at::Tensor& X) const override;
  at::Tensor U_, s_, V_;
  double scale_ = 0;
};

/// [A_1; A_2; …]: blocks of equal width, one below the other.
class RowBlocksOperator final : public LinearOperator {
 public:
  explicit RowBlocksOperator(std::vector<OperatorPtr> blocks);
  int64_t entries() const override;
  at::Tensor to_dense() const override;
  double rounding_scale() const override;  ///< that of the blocks, as norms of blocks add up

 private:
  at::Tensor product(const at::Tensor& V) const override;
  at::Tensor adjoint_product(const at::Tensor& U) const override;
  at::Tensor product_in_double(const at::Tensor& V) const override;
  at::Tensor adjoint_product_in_double(const at::Tensor& U) const override;
  std::vector<OperatorPtr> blocks_;
};

/// Aᵀ as an AdjointOperator that keeps A alive.
OperatorPtr adjoint_of(OperatorPtr A);

}  // namespace fanion::linalg
