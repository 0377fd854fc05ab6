// One pass from a sampled start: the formula is in half_step_test.cpp, here what is around it.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "fanion/linalg/svd/sampled_start.h"
#include "fanion/linalg/svd/svd_methods.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

SvdOptions one_pass(int64_t block, uint64_t seed = 1) {
  return {.method = SvdMethod::block_krylov,
          .criterion = SvdCriterion::passes,
          .passes = 1,
          .block = block,
          .generator = at::detail::createCPUGenerator(seed)};
}

/// In every layout, on both sides, for one to all columns of the block: orthonormal, in descending order, with
/// residuals and bounds that hold.
TEST(OnePassSvd, KeepsWhatItPromises) {
  const auto tall = with_spectrum(300, 120, geometric(60, 0.8), 2).to(at::kFloat);
  for (const auto& A : {tall, tall.t(), tall.t().contiguous(), tall.t().contiguous().t(), tall.slice(0, 0, 300, 2),
                        with_spectrum(200, 200, std::vector<double>(150, 3.0), 4).to(at::kFloat)})
    for (const auto& [k, block] : std::vector<std::pair<int64_t, int64_t>>{{1, 1}, {1, 4}, {5, 8}, {8, 8}, {3, 24}}) {
      SCOPED_TRACE(c10::str(A.sizes(), ", strides ", A.strides(), ", k = ", k, ", block = ", block));
      const Judged judged(A);
      for (uint64_t seed = 1; seed <= 3; ++seed) {
        const auto svd = topk_svd(A, k, one_pass(block, seed));
        for (const auto& what : broken_promises(judged, svd, 1)) ADD_FAILURE() << what;
        EXPECT_EQ(svd.report.status, SvdStatus::passes);
        EXPECT_EQ(svd.report.bounds.kind, BoundKind::proved);
        EXPECT_EQ(svd.report.products, 2 * block);
        EXPECT_LE(svd.report.reads, 2);
      }
    }
}

/// Fewer directions than k, and values that are too small beside the first for the half step: still in one pass.
TEST(OnePassSvd, TakesTheRitzVectorsWhereThereIsNoHalfStep) {
  for (const auto& spectrum : {std::vector<double>{3, 2}, geometric(30, 0.1)}) {
    const auto A = with_spectrum(300, 120, spectrum, 5).to(at::kFloat);
    for (const int64_t k : {1, 2, 4, 6}) {
      const auto svd = topk_svd(A, k, one_pass(6));
      SCOPED_TRACE(c10::str("sigma_2 = ", spectrum[1], ", k = ", k, ", ", svd.report.message));
      for (const auto& what : broken_promises(Judged(A), svd, 1)) ADD_FAILURE() << what;
      EXPECT_EQ(svd.report.products, 12);
      for (int64_t i = 0; i < std::min<int64_t>(k, 2); ++i) EXPECT_NEAR(svd.S[i].item<double>(), spectrum[i], 1e-4);
    }
  }
}

/// Squares out of range: the method goes on without them.
TEST(OnePassSvd, LeavesWhatItCannotDoToTheLoop) {
  const auto low = with_spectrum(300, 120, {3, 2}, 5).to(at::kFloat);
  const auto options = one_pass(6);
  for (const double scale : {1e20, 1e-20}) {
    const auto A = low * scale;
    const DenseOperator op(A);
    EXPECT_FALSE(one_pass_svd(op, 2, sampled_start(op, 6, options)).has_value());
    for (const int64_t k : {2, 4}) {
      const auto svd = topk_svd(A, k, options);
      for (const auto& what : broken_promises(Judged(A), svd, 1)) ADD_FAILURE() << what;
      EXPECT_EQ(svd.report.status, SvdStatus::passes);
    }
  }
}

TEST(OnePassSvd, TheNumberOfThreadsDoesNotMatter) {
  const auto A = with_spectrum(700, 400, geometric(100, 0.9), 6).to(at::kFloat);
  const int before = at::get_num_threads();
  std::vector<SvdResult> results;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    results.push_back(topk_svd(A, 4, one_pass(6)));
  }
  at::set_num_threads(before);
  for (const auto& other : results) {
    EXPECT_TRUE(same_bits(other.U, results[0].U) && same_bits(other.V, results[0].V));
    EXPECT_TRUE(same_bits(other.S, results[0].S));
  }
}

}  // namespace
}  // namespace fanion::linalg
