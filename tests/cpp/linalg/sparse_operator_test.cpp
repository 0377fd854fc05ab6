#include "fanion/linalg/sparse_operator.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sparse_coo_tensor.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "certificates.h"
#include "fanion/linalg/composed_operators.h"
#include "fanion/linalg/topk_svd.h"
#include "linalg/operator_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

/// About one entry in six of `A`, the same ones for the same shape.
at::Tensor thinned(const at::Tensor& A) {
  const auto keep = random_normal(A.size(0), A.size(1), 71) > 1;
  return at::where(keep, A, at::zeros({}, A.options())).contiguous();
}

TEST(SparseOperator, IsItsMatrixInEveryLayout) {
  for (const auto& [name, given] : whole_zoo()) {
    const auto A = thinned(given);
    const auto exact = A.to(at::kDouble);
    for (const auto& sparse : {A.to_sparse(), A.to_sparse_csr(), A.to_sparse_csc()}) {
      SCOPED_TRACE(c10::str(name, " ", sparse.layout()));
      const SparseOperator op(sparse);
      EXPECT_EQ(op.options().dtype(), A.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
      expect_is_matrix(op, exact);
      expect_same_triplets(op, exact);
      const auto dense = op.to_dense();
      EXPECT_EQ(dense.layout(), at::kStrided);
      EXPECT_TRUE(same_bits(dense, A.to(op.options()))) << "forming it rounds nothing";
    }
  }
}

TEST(SparseOperator, EntriesGivenTwiceAreAdded) {
  const auto indices = at::tensor({0, 2, 0, 1, 1, 1}, at::kLong).view({2, 3});  // (0, 1), (2, 1), (0, 1)
  const auto A = at::sparse_coo_tensor(indices, at::tensor({1.0, 5.0, 2.0}, at::kDouble), {3, 4});
  auto exact = at::zeros({3, 4}, at::kDouble);
  exact[0][1] = 3;
  exact[2][1] = 5;
  expect_is_matrix(SparseOperator(A), exact);
}

TEST(SparseOperator, KeepsEntriesOfItsOwn) {
  for (const auto& A :
       {thinned(random_normal(30, 20, 72)).to_sparse_csr(), thinned(random_normal(30, 20, 72)).to_sparse_csc()}) {
    const auto exact = A.to_dense();
    const SparseOperator op(A);
    A.values().zero_();
    expect_is_matrix(op, exact);
    EXPECT_TRUE(op.to_dense().equal(exact));
  }
}

// Of a sparse matrix the basis is what takes the time: a narrow block finds the same in a smaller one.
TEST(SparseOperator, IsGivenNarrowBlocks) {
  const auto A =
      at::where(random_normal(4000, 600, 73) > 2.3, random_normal(4000, 600, 74), at::zeros({}, at::kDouble));
  const SparseOperator op(A.to_sparse());
  EXPECT_EQ(op.entries(), A.count_nonzero().item<int64_t>());
  const auto exact = at::linalg_svdvals(A);
  for (const auto criterion : {SvdCriterion::residual, SvdCriterion::lmo_gap, SvdCriterion::rank_k}) {
    SvdOptions options{.criterion = criterion, .tol = criterion == SvdCriterion::residual ? 1e-6 : 1e-2};
    const auto chosen = topk_svd(op, 5, options);
    options.block = 8;
    const auto wide = topk_svd(op, 5, options);
    SCOPED_TRACE(name_of(criterion));
    EXPECT_EQ(chosen.report.status, SvdStatus::converged);
    EXPECT_EQ(wide.report.status, SvdStatus::converged);
    EXPECT_LT(chosen.report.products, 0.8 * static_cast<double>(wide.report.products));
    EXPECT_GE(chosen.S.sum().item<double>(), (1 - 1e-2) * exact.narrow(0, 0, 5).sum().item<double>());
    const auto error = (chosen.S - exact.narrow(0, 0, 5)).abs().max() / exact[0];
    EXPECT_LE(error.item<double>(), criterion == SvdCriterion::residual ? 1e-6 : 1e-1);
  }
}

TEST(SparseOperator, EntriesOfWhatIsMadeOfIt) {
  const auto A = std::make_shared<SparseOperator>(at::eye(40, at::kDouble).to_sparse());
  const auto U = at::ones({40, 2}, at::kDouble);
  const auto R = std::make_shared<LowRankOperator>(U, at::ones({2}, at::kDouble), U);
  EXPECT_EQ(A->entries(), 40);
  EXPECT_EQ(R->entries(), 160);
  EXPECT_EQ(DenseOperator(at::eye(40)).entries(), 1600);
  EXPECT_EQ(SumOperator({A, R}).entries(), 200);
  EXPECT_EQ(ProductOperator(A, R).entries(), 200);
  EXPECT_EQ(RowBlocksOperator({A, A, R}).entries(), 240);
  EXPECT_EQ(adjoint_of(A)->entries(), 40);
}

TEST(SparseOperator, RefusesWhatIsNoSparseMatrix) {
  EXPECT_VALUE_ERROR(SparseOperator(at::ones({3, 3})), "layout Sparse, SparseCsr or SparseCsc, got Strided");
  EXPECT_VALUE_ERROR(SparseOperator(at::ones({4, 4}).to_sparse_bsr({2, 2})), "got SparseBsr");
  EXPECT_VALUE_ERROR(SparseOperator(at::ones({3, 3, 2}).to_sparse()), "2 dimensions, got 3");
  EXPECT_VALUE_ERROR(SparseOperator(at::ones({3, 3}).to_sparse(1)), "1 dense dimensions");
  EXPECT_VALUE_ERROR(SparseOperator(at::ones({3, 3}, at::kLong).to_sparse()), "got Long");
  EXPECT_VALUE_ERROR(SparseOperator(at::Tensor()), "2 dimensions, got 0");
  auto A = at::ones({3, 3}, at::kDouble);
  A[1][2] = std::numeric_limits<double>::quiet_NaN();
  A[2][2] = std::numeric_limits<double>::infinity();
  EXPECT_VALUE_ERROR(SparseOperator(A.to_sparse()), "the sparse matrix has 2 NaN or infinite entries out of 9");
  EXPECT_VALUE_ERROR(DenseOperator(at::ones({3, 3}).to_sparse()), "SparseOperator takes sparse ones");
}

}  // namespace
}  // namespace fanion::linalg
