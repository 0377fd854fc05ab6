#include "tasks/svd_calibration.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randn.h>

#include <chrono>
#include <limits>

#include "fanion/linalg/svd/block_split.h"
#include "fanion/linalg/topk_svd.h"

namespace fanion::tasks {
namespace {

constexpr int64_t kRead = 2048;  // rows and columns: 16 MB in float32, above most caches that cores have to themselves
constexpr int64_t kGemm = 1024;
constexpr int64_t kBasis = 4096, kVectors = 256, kBlock = 8;
constexpr double kEnough = 0.3;  // seconds of repeating
constexpr int kMost = 50, kLeast = 3;

at::Tensor normal(int64_t m, int64_t n, at::ScalarType dtype) {
  return at::randn({m, n}, at::detail::createCPUGenerator(0), dtype);
}

/// The least seconds of several calls.
double least(const std::function<void()>& work) {
  work();
  double best = std::numeric_limits<double>::infinity(), total = 0;
  for (int i = 0; i < kMost && (i < kLeast || total < kEnough); ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    best = std::min(best, took);
    total += took;
  }
  return best;
}

linalg::SvdRates measure_rates(at::ScalarType dtype) {
  linalg::SvdRates rates{};
  {
    const linalg::DenseOperator A(normal(kRead, kRead, dtype));
    for (std::size_t i = 0; i < rates.gram.size(); ++i) {
      const auto X = normal(linalg::kRateColumns[i], kRead, dtype).t();  // columns contiguous, as the solvers' blocks
      rates.gram[i] = least([&] { A.apply_gram(X); }) / static_cast<double>(kRead * kRead);
    }
  }
  const auto G = normal(kGemm, kGemm, dtype);
  rates.gemm = least([&] { at::matmul(G, G); }) / (2.0 * kGemm * kGemm * kGemm);
  // Columns contiguous, as the solvers' blocks; what is split is overwritten, and splits the same again.
  const auto Q = std::get<0>(at::linalg_qr(normal(kBasis, kVectors, dtype))).t().contiguous().t();
  const auto X = normal(kBlock, kBasis, dtype).t();
  auto generator = at::detail::createCPUGenerator(0);
  const linalg::SplitTerms terms{.local = 2 * kBlock, .scale = 1, .eps = dtype == at::kDouble ? 1e-16 : 1e-7};
  rates.basis = least([&] { linalg::split(Q, X, terms, generator); }) / static_cast<double>(kBasis * kVectors * kBlock);
  for (std::size_t i = 0; i < rates.svd.size(); ++i) {
    const auto A = normal(linalg::kRateSizes[i], linalg::kRateSizes[i], dtype);
    rates.svd[i] = least([&] { at::linalg_svd(A, /*full_matrices=*/false); });
  }
  return rates;
}

}  // namespace

linalg::SvdCosts measure_costs(const std::function<void(const std::string&)>& said) {
  linalg::SvdCosts costs{};
  costs.single = measure_rates(at::kFloat);
  said("float32: products, orthogonalisation, LAPACK's SVD");
  costs.twice = measure_rates(at::kDouble);
  said("float64: the same");
  for (std::size_t i = 0; i < costs.eigh.size(); ++i) {
    const auto A = normal(linalg::kRateSizes[i], linalg::kRateSizes[i], at::kDouble);
    const auto symmetric = A + A.t();
    costs.eigh[i] = least([&] { at::linalg_eigh(symmetric); });
  }
  const auto tiny = normal(128, 96, at::kFloat);
  constexpr int64_t kPasses = 16;
  costs.step = least([&] {
                 linalg::topk_svd(tiny, 1,
                                  {.method = linalg::SvdMethod::block_krylov,
                                   .criterion = linalg::SvdCriterion::passes,
                                   .passes = kPasses,
                                   .block = 4});
               }) /
               kPasses;
  said("symmetric eigenproblems, steps of the Krylov methods");
  return costs;
}

}  // namespace fanion::tasks
