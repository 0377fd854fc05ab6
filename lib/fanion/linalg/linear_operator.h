#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

namespace fanion::linalg {

/// How often an operator was used; solvers report the difference over their run.
struct ProductCount {
  int64_t forward = 0;  ///< columns multiplied by A
  int64_t adjoint = 0;  ///< columns multiplied by Aᵀ
  int64_t reads = 0;    ///< of A's data: one for each call, of either kind or of both at once
};

/// A form of A that takes less memory to read: half the size; bfloat16, whose products may round vectors to bfloat16
/// too; or signed bytes.
enum class NarrowFormat { half_size, bfloat16, int8 };
struct Narrowed;

/// A real m × n matrix seen only through its products with blocks of vectors.
///
/// Every solver takes one of these, so dense, implicit, counted and sharded matrices are all served by
/// the same code: a row-sharded matrix is local in `apply` and needs one all-reduce in `apply_adjoint`.
/// Only the dense solver may ask for the matrix itself (`to_dense`).
/// Vectors are float32 or float64 tensors with the operator's `options()`.
class LinearOperator {
 public:
  virtual ~LinearOperator() = default;

  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  /// Dtype and device of the vectors it takes and returns (the working precision).
  at::TensorOptions options() const { return options_; }
  /// Machine epsilon of the working precision.
  double eps() const;
  /// What rounding of the products is proportional to where that may be more than ‖A‖₂: the norms of the parts of a
  /// sum or product, which may cancel; 0 where there are none. May take a product with every part, once.
  virtual double rounding_scale() const { return 0; }
  /// Rounding of the products relative to σ₁: eps·max(1, rounding_scale()/σ₁), 1000 at most.
  double relative_rounding(double sigma1) const;
  const ProductCount& count() const { return count_; }

  /// A V: (n, b) → (m, b). Throws on a wrong shape, dtype or device, of V or of what the product returned.
  at::Tensor apply(const at::Tensor& V) const;
  /// Aᵀ U: (m, b) → (n, b). Throws like `apply`.
  at::Tensor apply_adjoint(const at::Tensor& U) const;
  /// Y = A V and Z = Aᵀ Y: (n, b) → (m, b), (n, b). Throws like `apply`. The default calls both.
  std::pair<at::Tensor, at::Tensor> apply_gram(const at::Tensor& V) const;
  /// A V and Aᵀ U in float64, by A as it is stored: (n, b) → (m, b) and back, any dtype of the blocks. Undefined where
  /// A is known by functions alone.
  at::Tensor apply_in_double(const at::Tensor& V) const;
  at::Tensor apply_adjoint_in_double(const at::Tensor& U) const;
  /// Reads of A that `apply_gram` takes for `columns` vectors in one sweep; 0 where it is the two products.
  virtual int64_t gram_reads(int64_t /*columns*/) const { return 0; }
  /// Z = Aᵀ U and Y = A Z: (m, b) → (n, b), (m, b), the same of Aᵀ.
  std::pair<at::Tensor, at::Tensor> apply_adjoint_gram(const at::Tensor& U) const;
  virtual int64_t adjoint_gram_reads(int64_t /*columns*/) const { return 0; }
  /// Numbers that a product with one vector reads, by which solvers weigh products against their bases: mn where A does
  /// not know better.
  virtual int64_t entries() const { return rows_ * cols_; }
  /// ‖A‖_F² where it is cheap to know (to a few eps), else nothing.
  virtual std::optional<double> frobenius_squared() const { return std::nullopt; }
  /// Whether A can be stored in that format for faster products.
  virtual bool has_narrower_form(NarrowFormat /*format*/) const { return false; }
  /// scale·A in that format; nothing where its norm leaves no scale for it, as for A = 0, or too much would be lost.
  virtual std::optional<Narrowed> narrowed(NarrowFormat format) const;
  /// About `count` rows of A, evenly spread, where they are at hand in memory (sixteen bits or eight as they are); else
  /// undefined. And the same of Aᵀ.
  virtual at::Tensor some_rows(int64_t /*count*/) const { return {}; }
  virtual at::Tensor some_columns(int64_t /*count*/) const { return {}; }
  /// Whether `to_dense` costs no products, so that choosing the dense solver is free to depend on speed alone.
  virtual bool is_formed() const { return false; }
  /// The matrix itself, (m, n). The default multiplies by the identity: min(m, n) products.
  virtual at::Tensor to_dense() const;

 protected:
  LinearOperator(int64_t rows, int64_t cols, at::TensorOptions options);

 private:
  /// A new tensor, which the caller may write to.
  virtual at::Tensor product(const at::Tensor& V) const = 0;
  virtual at::Tensor adjoint_product(const at::Tensor& U) const = 0;
  virtual std::pair<at::Tensor, at::Tensor> gram_product(const at::Tensor& V) const;
  virtual std::pair<at::Tensor, at::Tensor> adjoint_gram_product(const at::Tensor& U) const;
  virtual at::Tensor product_in_double(const at::Tensor& /*V*/) const { return {}; }
  virtual at::Tensor adjoint_product_in_double(const at::Tensor& /*U*/) const { return {}; }

  int64_t rows_;
  int64_t cols_;
  at::TensorOptions options_;
  mutable ProductCount count_;
};

struct Narrowed {
  std::shared_ptr<const LinearOperator> A;
  double scale;
  double distance;  ///< ≥ ‖A − (the narrow one)/scale‖_F
};

/// A matrix held as a tensor (m, n): float32, float64, bfloat16 or float16, any strides; never copied, but for 16-bit
/// matrices that the kernels do not take (other devices), which are widened to float32 once.
/// Products run in float32 (float64 for float64): 16 bits are only how A is stored.
class DenseOperator final : public LinearOperator {
 public:
  explicit DenseOperator(const at::Tensor& A);
  bool is_formed() const override { return true; }
  at::Tensor to_dense() const override { return A_.to(options().dtype().toScalarType()); }
  int64_t gram_reads(int64_t columns) const override;
  int64_t adjoint_gram_reads(int64_t columns) const override;
  std::optional<double> frobenius_squared() const override;
  at::Tensor some_rows(int64_t count) const override;
  at::Tensor some_columns(int64_t count) const override;
  /// Half the size is float16 for a float32 matrix that the kernels take, float32 for float64; bfloat16 and int8 are
  /// for the former (kernels/narrow_copy.h).
  bool has_narrower_form(NarrowFormat format) const override;
  /// Made once and kept, with the norm that the same read gives.
  std::optional<Narrowed> narrowed(NarrowFormat format) const override;

 private:
  struct Stored {
    at::Tensor A;
    std::optional<double> squares;
    bool rounds_vectors = false;
  };
  explicit DenseOperator(Stored s);
  at::Tensor product(const at::Tensor& V) const override;
  at::Tensor adjoint_product(const at::Tensor& U) const override;
  std::pair<at::Tensor, at::Tensor> gram_product(const at::Tensor& V) const override;
  std::pair<at::Tensor, at::Tensor> adjoint_gram_product(const at::Tensor& U) const override;
  at::Tensor product_in_double(const at::Tensor& V) const override;
  at::Tensor adjoint_product_in_double(const at::Tensor& U) const override;
  at::Tensor A_;
  std::optional<Narrowed> made_narrow(NarrowFormat format) const;
  /// X times A or its transpose, and also back; the first of these finds the norm in passing, if the kernels take it.
  at::Tensor product_of(const at::Tensor& A, const at::Tensor& X) const;
  std::pair<at::Tensor, at::Tensor> gram_of(const at::Tensor& A, const at::Tensor& X) const;
  void keep_squares(double squares) const;
  mutable std::optional<double> squares_;  ///< ‖A‖_F², once asked for
  bool rounds_vectors_;                    ///< to bfloat16 in AᵀA V, where that is faster (kernels/pair_gram.h)
  mutable std::map<NarrowFormat, std::optional<Narrowed>> narrow_;
};

/// A matrix given by two functions, A V and Aᵀ U.
///
/// A product with a NaN or infinite entry throws, naming the side and their number: a solver would only turn it
/// into wrong triplets. On an accelerator that look waits for the device. No gradient flows through the functions.
/// What they return is copied: it may be what they were given, a view, or what they keep.
class FunctionOperator final : public LinearOperator {
 public:
  using Product = std::function<at::Tensor(const at::Tensor&)>;
  FunctionOperator(int64_t rows, int64_t cols, at::TensorOptions options, Product apply, Product apply_adjoint);

 private:
  at::Tensor product(const at::Tensor& V) const override;
  at::Tensor adjoint_product(const at::Tensor& U) const override;
  Product apply_;
  Product apply_adjoint_;
};

/// Aᵀ without a copy; `A` must outlive it, and counts its products too.
class AdjointOperator final : public LinearOperator {
 public:
  explicit AdjointOperator(const LinearOperator& A) : LinearOperator(A.cols(), A.rows(), A.options()), A_(A) {}
  bool is_formed() const override { return A_.is_formed(); }
  int64_t entries() const override { return A_.entries(); }
  at::Tensor to_dense() const override { return A_.to_dense().t(); }
  int64_t gram_reads(int64_t columns) const override { return A_.adjoint_gram_reads(columns); }
  int64_t adjoint_gram_reads(int64_t columns) const override { return A_.gram_reads(columns); }
  std::optional<double> frobenius_squared() const override { return A_.frobenius_squared(); }
  double rounding_scale() const override { return A_.rounding_scale(); }
  at::Tensor some_rows(int64_t count) const override { return A_.some_columns(count); }
  at::Tensor some_columns(int64_t count) const override { return A_.some_rows(count); }

 private:
  using Pair = std::pair<at::Tensor, at::Tensor>;
  at::Tensor product(const at::Tensor& V) const override { return A_.apply_adjoint(V); }
  at::Tensor adjoint_product(const at::Tensor& U) const override { return A_.apply(U); }
  Pair gram_product(const at::Tensor& V) const override { return A_.apply_adjoint_gram(V); }
  Pair adjoint_gram_product(const at::Tensor& U) const override { return A_.apply_gram(U); }
  at::Tensor product_in_double(const at::Tensor& V) const override { return A_.apply_adjoint_in_double(V); }
  at::Tensor adjoint_product_in_double(const at::Tensor& U) const override { return A_.apply_in_double(U); }
  const LinearOperator& A_;
};

}  // namespace fanion::linalg
