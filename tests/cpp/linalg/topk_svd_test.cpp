#include "fanion/linalg/topk_svd.h"

#include <algorithm>

#include "certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr int64_t kPasses = 60;

/// Lanczos is asked for this, relative to σ₁: 100 to 1e6 times above the dtype's rounding.
double solver_tol(at::ScalarType dtype) { return dtype == at::kDouble ? 1e-10 : 1e-5; }
// Backward-stable orthogonal transformations of at most 70 columns: a small multiple of eps.
double rounding(at::ScalarType dtype) { return 100 * working_eps(dtype); }

std::vector<int64_t> some_k(const at::Tensor& A) {
  const int64_t smaller = std::min(A.size(0), A.size(1));
  std::vector<int64_t> ks = {1, 2, 3, 6, smaller / 2, smaller - 1, smaller};
  std::erase_if(ks, [&](int64_t k) { return k < 1 || k > smaller; });
  std::sort(ks.begin(), ks.end());
  ks.erase(std::unique(ks.begin(), ks.end()), ks.end());
  return ks;
}

/// Orthonormal factors, residuals of both sides and singular values, all within `tol`·σ₁.
void expect_triplets(const at::Tensor& A, int64_t k, const SvdResult& svd, double tol) {
  const auto dtype = A.scalar_type();
  ASSERT_EQ(svd.U.sizes(), (at::IntArrayRef{A.size(0), k}));
  ASSERT_EQ(svd.S.sizes(), at::IntArrayRef{k});
  ASSERT_EQ(svd.V.sizes(), (at::IntArrayRef{A.size(1), k}));
  for (const auto& x : {svd.U, svd.S, svd.V})
    ASSERT_EQ(x.scalar_type(), dtype == at::kDouble ? at::kDouble : at::kFloat);
  EXPECT_LE(orthonormality_error(svd.U), rounding(dtype));
  EXPECT_LE(orthonormality_error(svd.V), rounding(dtype));
  EXPECT_LE(two_sided_residual(A, svd.U, svd.S, svd.V), tol);
  const auto sigma = exact_singular_values(A);
  for (int64_t i = 0; i < k; ++i)
    EXPECT_NEAR(svd.S[i].item<double>(), sigma[i], tol * sigma[0]) << "singular value " << i;
  for (int64_t i = 1; i < k; ++i)
    EXPECT_LE(svd.S[i].item<double>(), svd.S[i - 1].item<double>()) << "not descending at " << i;
}

/// Whether kPasses passes with these columns surely bring the residual below `tol`: the block's angle to the
/// top-k space shrinks by (σ_{b+1}/σ_k)² a pass, from a start whose tangent is below 1e3 for these seeds.
bool passes_suffice(const at::Tensor& A, int64_t k, int64_t oversample, double tol) {
  const auto sigma = exact_singular_values(A);
  const auto next = static_cast<std::size_t>(k + oversample);
  if (next >= sigma.size() || sigma[next] == 0) return true;
  return 1e3 * std::pow(sigma[next] / sigma[k - 1], 2 * kPasses) <= tol;
}

class TopkSvd : public ::testing::TestWithParam<Specimen> {};

TEST_P(TopkSvd, DenseMeetsTheCertificates) {
  const auto& A = GetParam().A;
  for (const auto k : some_k(A)) {
    SCOPED_TRACE(k);
    const auto svd = topk_svd(A, k, {.method = SvdMethod::dense, .criterion = SvdCriterion::residual});
    expect_triplets(A, k, svd, rounding(A.scalar_type()));
    EXPECT_EQ(svd.report.method, SvdMethod::dense);
    EXPECT_EQ(svd.report.status, SvdStatus::converged);
  }
}

TEST_P(TopkSvd, LanczosMeetsTheCertificates) {
  const auto& A = GetParam().A;
  const double tol = solver_tol(A.scalar_type());
  for (const auto k : some_k(A)) {
    SCOPED_TRACE(k);
    const auto svd = topk_svd(A, k, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = tol});
    expect_triplets(A, k, svd, tol + rounding(A.scalar_type()));
    EXPECT_EQ(svd.report.status, SvdStatus::converged) << svd.report.message;
    EXPECT_GT(svd.report.products, 0);
    EXPECT_GT(svd.report.reads, 0);
  }
}

TEST_P(TopkSvd, SubspaceMeetsTheCertificatesWhereThereIsAGap) {
  const auto& A = GetParam().A;
  const double tol = solver_tol(A.scalar_type());
  for (const auto k : some_k(A)) {
    SCOPED_TRACE(k);
    const auto svd =
        topk_svd(A, k, {.method = SvdMethod::subspace, .criterion = SvdCriterion::passes, .passes = kPasses});
    EXPECT_EQ(svd.report.status, SvdStatus::passes);
    EXPECT_EQ(svd.report.reads, 2 * kPasses);
    if (passes_suffice(A, k, 4, tol)) {
      expect_triplets(A, k, svd, tol + rounding(A.scalar_type()));
    } else {  // orthonormal and never above the truth, whatever the gap
      EXPECT_LE(orthonormality_error(svd.U), rounding(A.scalar_type()));
      EXPECT_LE(orthonormality_error(svd.V), rounding(A.scalar_type()));
      const auto sigma = exact_singular_values(A);
      for (int64_t i = 0; i < k; ++i)
        EXPECT_LE(svd.S[i].item<double>(), sigma[i] + rounding(A.scalar_type()) * sigma[0]);
    }
  }
}

TEST_P(TopkSvd, ReportedResidualsAreTrue) {
  const auto& A = GetParam().A;
  const double sigma1 = exact_singular_values(A)[0];
  for (const auto method : {SvdMethod::dense, SvdMethod::lanczos})
    for (const auto k : some_k(A)) {
      SCOPED_TRACE(std::string(name_of(method)) + " k=" + std::to_string(k));
      const auto svd =
          topk_svd(A, k, {.method = method, .criterion = SvdCriterion::residual, .tol = solver_tol(A.scalar_type())});
      ASSERT_TRUE(svd.report.residuals.defined());
      ASSERT_EQ(svd.report.residuals.scalar_type(), at::kDouble);
      ASSERT_EQ(svd.report.residuals.sizes(), at::IntArrayRef{k});
      const auto exact = triplet_residual_norms(A, svd.U, svd.S, svd.V);
      for (int64_t i = 0; i < k; ++i)
        EXPECT_NEAR(svd.report.residuals[i].item<double>(), exact[i], rounding(A.scalar_type()) * sigma1);
    }
}

TEST_P(TopkSvd, SameInputGivesTheSameBits) {
  const auto& A = GetParam().A;
  for (const auto method : {SvdMethod::automatic, SvdMethod::dense, SvdMethod::lanczos, SvdMethod::subspace}) {
    const auto first = topk_svd(A, 1, {.method = method}), second = topk_svd(A, 1, {.method = method});
    EXPECT_TRUE(same_bits(first.U, second.U) && same_bits(first.S, second.S) && same_bits(first.V, second.V))
        << name_of(method);
  }
}

INSTANTIATE_TEST_SUITE_P(Zoo, TopkSvd, ::testing::ValuesIn(whole_zoo()),
                         [](const auto& specimen) { return specimen.param.name; });

}  // namespace
}  // namespace fanion::linalg
