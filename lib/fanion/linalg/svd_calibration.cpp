#include "fanion/linalg/svd_calibration.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <limits>

#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/svd/stopwatch.h"
#include "fanion/linalg/topk_svd.h"

namespace fanion::linalg {
namespace {

constexpr int64_t kReadSize =
    2048;  // rows and columns: 16 MB in float32, above most caches that cores have to themselves
constexpr int64_t kGemm = 1024;
constexpr int64_t kSplitRows = 4096, kSplitVectors = 256, kSplitBlock = 8;
constexpr double kEnough = 0.3;  // seconds of repeating
constexpr int kMostRuns = 50, kLeastRuns = 3;

at::Tensor gaussian(int64_t m, int64_t n, at::ScalarType dtype) {
  return at::randn({m, n}, at::detail::createCPUGenerator(0), dtype);
}

/// The least seconds of several calls.
double least_seconds(const std::function<void()>& work) {
  work();
  double best = std::numeric_limits<double>::infinity(), total = 0;
  for (int i = 0; i < kMostRuns && (i < kLeastRuns || total < kEnough); ++i) {
    double took = 0;
    {
      const Stopwatch watch(took);
      work();
    }
    best = std::min(best, took);
    total += took;
  }
  return best;
}

SvdRates measure_rates(at::ScalarType dtype) {
  SvdRates rates{};
  {
    const DenseOperator A(gaussian(kReadSize, kReadSize, dtype));
    for (std::size_t i = 0; i < rates.gram.size(); ++i) {
      const auto X = gaussian(kRateColumns[i], kReadSize, dtype).t();  // columns contiguous, as the solvers' blocks
      rates.gram[i] = least_seconds([&] { A.apply_gram(X); }) / static_cast<double>(kReadSize * kReadSize);
    }
  }
  const auto G = gaussian(kGemm, kGemm, dtype);
  rates.gemm = least_seconds([&] { at::matmul(G, G); }) / (2.0 * kGemm * kGemm * kGemm);
  // Columns contiguous, as the solvers' blocks; what is split is overwritten, and splits the same again.
  const auto Q = std::get<0>(at::linalg_qr(gaussian(kSplitRows, kSplitVectors, dtype))).t().contiguous().t();
  const auto X = gaussian(kSplitBlock, kSplitRows, dtype).t();
  auto generator = at::detail::createCPUGenerator(0);
  const SplitTerms terms{.local = 2 * kSplitBlock, .scale = 1, .eps = dtype == at::kDouble ? 1e-16 : 1e-7};
  rates.basis = least_seconds([&] { split(Q, X, terms, generator); }) /
                static_cast<double>(kSplitRows * kSplitVectors * kSplitBlock);
  for (std::size_t i = 0; i < rates.svd.size(); ++i) {
    const auto A = gaussian(kRateSizes[i], kRateSizes[i], dtype);
    rates.svd[i] = least_seconds([&] { at::linalg_svd(A, /*full_matrices=*/false); });
  }
  return rates;
}

}  // namespace

SvdCosts measure_costs(const std::function<void(const std::string&)>& said) {
  SvdCosts costs{};
  costs.float32 = measure_rates(at::kFloat);
  said("float32: products, orthogonalisation, LAPACK's SVD");
  costs.float64 = measure_rates(at::kDouble);
  said("float64: the same");
  for (std::size_t i = 0; i < costs.eigh.size(); ++i) {
    const auto A = gaussian(kRateSizes[i], kRateSizes[i], at::kDouble);
    const auto symmetric = A + A.t();
    costs.eigh[i] = least_seconds([&] { at::linalg_eigh(symmetric); });
  }
  const auto tiny = gaussian(128, 96, at::kFloat);
  constexpr int64_t kPasses = 16;
  costs.step =
      least_seconds([&] {
        topk_svd(tiny, 1,
                 {.method = SvdMethod::block_krylov, .criterion = SvdCriterion::passes, .passes = kPasses, .block = 4});
      }) /
      kPasses;
  said("symmetric eigenproblems, steps of the Krylov methods");
  return costs;
}

}  // namespace fanion::linalg
