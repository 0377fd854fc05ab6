// A fixed number of passes of the Krylov methods against the formula: the best triplets with û in the span of A·K, K
// the Krylov space of AᵀA that the passes have built.

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "fanion/linalg/random_start.h"
#include "fanion/linalg/svd/sampled_start.h"
#include "fanion/linalg/svd/svd_methods.h"
#include "fanion/linalg/topk_svd.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr int64_t kTop = 3, kBlock = 5;

/// Singular values of Aᵀ on A·[Ω, AᵀAΩ, …].
at::Tensor krylov_values(const at::Tensor& A, const at::Tensor& omega, int64_t passes) {
  auto V = std::get<0>(at::linalg_qr(omega));
  auto last = V;
  for (int64_t pass = 1; pass < passes; ++pass) {
    auto next = at::matmul(A.t(), at::matmul(A, last));
    for (int twice = 0; twice < 2; ++twice) next = next - at::matmul(V, at::matmul(V.t(), next));
    last = std::get<0>(at::linalg_qr(next));
    V = at::cat({V, last}, 1);
  }
  const auto U = std::get<0>(at::linalg_qr(at::matmul(A, V)));
  return at::linalg_svdvals(at::matmul(A.t(), U)).narrow(0, 0, kTop);
}

/// float32 runs in the one-sided form of the basis, float64 in the two-sided one.
TEST(HalfStep, FixedPassesGiveTheBestTripletsOfWhatTheyHaveMultiplied) {
  for (const auto dtype : {at::kFloat, at::kDouble})
    for (const auto& spectrum : {geometric(60, 0.9), std::vector<double>(60, 2.0)})
      for (const auto& [passes, start] : std::vector<std::pair<int64_t, SvdStart>>{
               {1, SvdStart::random}, {2, SvdStart::random}, {1, SvdStart::sampled}, {2, SvdStart::sampled}}) {
        SCOPED_TRACE(c10::str(dtype, ", sigma_2 = ", spectrum[1], ", ", passes, " passes, start ", name_of(start)));
        const auto A = with_spectrum(90, 60, spectrum, 7).to(dtype), exact = A.to(at::kDouble);
        const SvdOptions options{.method = SvdMethod::block_krylov,
                                 .criterion = SvdCriterion::passes,
                                 .passes = passes,
                                 .block = kBlock,
                                 .start = start,
                                 .generator = at::detail::createCPUGenerator(11)};
        auto same = options;
        same.generator = at::detail::createCPUGenerator(11);
        const auto omega = start == SvdStart::random ? random_block(60, kBlock, A.options(), same)
                                                     : sampled_start(DenseOperator(A), kBlock, same);
        const auto svd = topk_svd(A, kTop, options);
        const auto expected = krylov_values(exact, omega.to(at::kDouble), passes);
        EXPECT_LE(relative_error(svd.S.to(at::kDouble), expected), dtype == at::kFloat ? 1e-5 : 1e-12);
      }
}

}  // namespace
}  // namespace fanion::linalg
