// The Python boundary of operators and top-k SVD: torch ops in the namespace `fanion`, beside those of torch_ops.cpp.
// An operator is an object of the class torch.classes.fanion.LinearOperator, which only these ops look into.

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/ops/empty.h>
#include <torch/custom_class.h>

#include "fanion/define_op.h"
#include "fanion/kernels/large_pages.h"
#include "fanion/linalg/batched_svd.h"
#include "fanion/linalg/composed_operators.h"
#include "fanion/linalg/dense/finite_entries.h"
#include "fanion/linalg/sparse_operator.h"
#include "fanion/linalg/svd_method_traits.h"

namespace fanion {
namespace {

struct OperatorObject : torch::CustomClassHolder {
  explicit OperatorObject(linalg::OperatorPtr pointer) : A(std::move(pointer)) {}
  linalg::OperatorPtr A;
};
using Object = c10::intrusive_ptr<OperatorObject>;

template <class Operator, class... Arguments>
Object make(Arguments&&... arguments) {
  return c10::make_intrusive<OperatorObject>(std::make_shared<Operator>(std::forward<Arguments>(arguments)...));
}

std::vector<linalg::OperatorPtr> operators_of(const c10::List<Object>& objects) {
  std::vector<linalg::OperatorPtr> operators;
  for (const Object object : objects) operators.push_back(object->A);
  return operators;
}

/// U, S, V of one matrix or a batch, and the reports of b matrices in the order that linalg.py reads: tensors of their
/// own, seven figures, three counts and five words each.
using Record = std::tuple<at::Tensor, at::Tensor, at::Tensor, std::vector<at::Tensor>, std::vector<at::Tensor>,
                          std::vector<double>, std::vector<int64_t>, std::vector<std::string>>;
constexpr auto kRecord =
    "(Tensor U, Tensor S, Tensor V, Tensor[] residuals, Tensor[] upper, float[] figures, int[] counts, str[] words)";

Record record(const at::Tensor& U, const at::Tensor& S, const at::Tensor& V,
              const std::vector<linalg::SvdReport>& reports) {
  std::vector<at::Tensor> residuals, upper;
  std::vector<double> figures;
  std::vector<int64_t> counts;
  std::vector<std::string> words;
  const auto or_none = [](const at::Tensor& x) { return x.defined() ? x : at::empty({0}, at::kDouble); };
  for (const auto& r : reports) {
    const auto& b = r.bounds;
    residuals.push_back(or_none(r.residuals));
    upper.push_back(or_none(b.upper));
    figures.insert(figures.end(), {b.next_upper, b.rank_k, b.lmo_gap, b.failure_probability, r.seconds.products,
                                   r.seconds.basis, r.seconds.projected});
    counts.insert(counts.end(), {r.products, r.reads, r.restarts});
    for (const auto& word : {name_of(r.method), name_of(r.criterion), name_of(r.status), name_of(b.kind)})
      words.emplace_back(word);
    words.push_back(r.message);
  }
  return {U, S, V, residuals, upper, figures, counts, words};
}

Record solve(const at::Tensor& A, int64_t k, const linalg::SvdOptions& options) {
  if (A.dim() == 3) {
    auto r = linalg::topk_svd_batch(A, k, options);
    return record(r.U, r.S, r.V, r.reports);
  }
  auto r = linalg::topk_svd(A, k, options);
  return record(r.U, r.S, r.V, {r.report});
}

Record solve(const Object& A, int64_t k, const linalg::SvdOptions& options) {
  auto r = linalg::topk_svd(*A->A, k, options);
  return record(r.U, r.S, r.V, {r.report});
}

/// The one place where the options of top-k SVD come in; `kOptions` says the same to Python.
template <class Matrix>
Record topk_svd(const Matrix& A, int64_t k, std::string_view method, std::string_view criterion, double tol,
                std::optional<int64_t> passes, std::string_view precision, int64_t oversample, int64_t block,
                std::string_view start, const std::optional<at::Tensor>& warm_start,
                const std::optional<at::Generator>& generator) {
  return solve(A, k,
               {.method = linalg::svd_method_from_name(method),
                .criterion = linalg::svd_criterion_from_name(criterion),
                .tol = tol,
                .passes = passes,
                .precision = linalg::svd_precision_from_name(precision),
                .oversample = oversample,
                .block = block,
                .start = linalg::svd_start_from_name(start),
                .warm_start = warm_start.value_or(at::Tensor()),
                .generator = generator});
}
constexpr auto kOptions =
    "int k, *, str method, str criterion, float tol, int? passes, str precision, int oversample, int block, "
    "str start, Tensor? warm_start, Generator? generator";

Object dense_operator(const at::Tensor& A) {
  auto object = make<linalg::DenseOperator>(A);
  linalg::check_finite(A, "the matrix");
  return object;
}

/// An operator whose products are those of the Python object that fanion/_callbacks.py has under `key`.
/// The call goes through the dispatcher, which takes the GIL and lets Python's exceptions through.
Object function_operator(int64_t key, int64_t rows, int64_t cols, at::ScalarType dtype, at::Device device) {
  using Product = at::Tensor(int64_t, const at::Tensor&, bool);
  const auto product = c10::Dispatcher::singleton().findSchemaOrThrow("fanion_python::product", "").typed<Product>();
  const auto options = at::empty({0}, at::device(device).dtype(dtype)).options();  // "cuda" becomes "cuda:0"
  return make<linalg::FunctionOperator>(
      rows, cols, options, [=](const at::Tensor& V) { return product.call(key, V, false); },
      [=](const at::Tensor& U) { return product.call(key, U, true); });
}

Object sparse_operator(const at::Tensor& A) { return make<linalg::SparseOperator>(A); }

Object low_rank_operator(const at::Tensor& U, const at::Tensor& s, const at::Tensor& V) {
  return make<linalg::LowRankOperator>(U, s, V);
}

Object sum_operator(const c10::List<Object>& terms, const c10::List<double>& weights) {
  return make<linalg::SumOperator>(operators_of(terms), weights.vec());
}

Object product_operator(const Object& A, const Object& B) { return make<linalg::ProductOperator>(A->A, B->A); }

Object row_blocks_operator(const c10::List<Object>& blocks) {
  return make<linalg::RowBlocksOperator>(operators_of(blocks));
}

Object adjoint_operator(const Object& A) { return c10::make_intrusive<OperatorObject>(linalg::adjoint_of(A->A)); }

at::Tensor operator_apply(const Object& A, const at::Tensor& V) { return A->A->apply(V); }
at::Tensor operator_apply_adjoint(const Object& A, const at::Tensor& U) { return A->A->apply_adjoint(U); }
at::Tensor operator_to_dense(const Object& A) { return A->A->to_dense(); }

/// A tensor of the operator's shape, dtype and device without its storage.
at::Tensor operator_prototype(const Object& A) {
  return at::empty({}, A->A->options()).expand({A->A->rows(), A->A->cols()});
}

/// Names of all methods, "auto" first.
std::vector<std::string> svd_methods() {
  std::vector<std::string> names;
  for (const auto& each : linalg::svd_methods()) names.emplace_back(each.name);
  return names;
}

int64_t empty_cache() { return static_cast<int64_t>(kernels::release_large_pages()); }

}  // namespace

TORCH_LIBRARY_FRAGMENT(fanion, m) {
  m.class_<OperatorObject>("LinearOperator");
  const std::string object = "__torch__.torch.classes.fanion.LinearOperator";
  define_op<topk_svd<at::Tensor>>(m, c10::str("topk_svd(Tensor A, ", kOptions, ") -> ", kRecord));
  define_op<topk_svd<Object>>(m, c10::str("topk_svd_operator(", object, " A, ", kOptions, ") -> ", kRecord));
  define_op<dense_operator>(m, "dense_operator(Tensor A) -> " + object);
  define_op<sparse_operator>(m, "sparse_operator(Tensor A) -> " + object);
  define_op<function_operator>(
      m, "function_operator(int key, int rows, int cols, ScalarType dtype, Device device) -> " + object);
  define_op<low_rank_operator>(m, "low_rank_operator(Tensor U, Tensor s, Tensor V) -> " + object);
  define_op<sum_operator>(m, "sum_operator(" + object + "[] terms, float[] weights) -> " + object);
  define_op<product_operator>(m, "product_operator(" + object + " A, " + object + " B) -> " + object);
  define_op<row_blocks_operator>(m, "row_blocks_operator(" + object + "[] blocks) -> " + object);
  define_op<adjoint_operator>(m, "adjoint_operator(" + object + " A) -> " + object);
  define_op<operator_apply>(m, "operator_apply(" + object + " A, Tensor V) -> Tensor");
  define_op<operator_apply_adjoint>(m, "operator_apply_adjoint(" + object + " A, Tensor U) -> Tensor");
  define_op<operator_to_dense>(m, "operator_to_dense(" + object + " A) -> Tensor");
  define_op<operator_prototype>(m, "operator_prototype(" + object + " A) -> Tensor");
  define_op<svd_methods>(m, "svd_methods() -> str[]");
  define_op<empty_cache>(m, "empty_cache() -> int");
}

}  // namespace fanion
