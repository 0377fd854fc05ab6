#include "fanion/linalg/svd/sampled_start.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/diag.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/linalg_svdvals.h>
#include <ATen/ops/tensor.h>

#include <cmath>

#include "certificates.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

constexpr int64_t kTriplets = 3;

SvdOptions fixed(int64_t passes, SvdStart start, uint64_t seed = 1) {
  return {.method = SvdMethod::block_krylov,
          .criterion = SvdCriterion::passes,
          .passes = passes,
          .block = 6,
          .start = start,
          .generator = at::detail::createCPUGenerator(seed)};
}

/// 1 − Σσ̂/Σσ after some passes.
double gap(const at::Tensor& A, int64_t passes, SvdStart start, uint64_t seed = 1) {
  const auto exact = at::linalg_svdvals(A.to(at::kDouble)).narrow(0, 0, kTriplets).sum().item<double>();
  return 1 - topk_svd(A, kTriplets, fixed(passes, start, seed)).S.to(at::kDouble).sum().item<double>() / exact;
}

/// One pass from the sample does what takes two from a random block, in every layout and dtype.
TEST(SampledStart, SavesAPassWhereTheSpectrumDecays) {
  const auto tall = with_spectrum(600, 300, geometric(100, 0.85), 3);
  for (const auto& A : {tall.to(at::kFloat), tall, tall.to(at::kBFloat16), tall.to(at::kFloat).t(),
                        tall.t().contiguous().to(at::kFloat), tall.t().contiguous().to(at::kFloat).t()})
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      SCOPED_TRACE(c10::str(A.sizes(), " ", A.scalar_type(), ", strides ", A.strides(), ", seed ", seed));
      EXPECT_LT(gap(A, 1, SvdStart::sampled, seed), gap(A, 1, SvdStart::random, seed) / 10);
      EXPECT_LT(gap(A, 1, SvdStart::sampled, seed), gap(A, 2, SvdStart::random, seed) + 0.02);
    }
}

/// Rows that no sample has hold what is wanted: the noise finds it, as a random start does.
TEST(SampledStart, FindsWhatTheSampleMisses) {
  for (const int64_t leading : {0, 7, 200}) {
    auto d = at::tensor(geometric(400, 0.9), at::kDouble).roll(leading).to(at::kFloat);
    EXPECT_LT(gap(at::diag(d), 14, SvdStart::sampled), 1e-3) << leading;
  }
  auto A = random_normal(640, 100, 5).to(at::kFloat);
  const auto sampled = DenseOperator(A).some_rows(80);
  A.narrow(0, 11, 1).mul_(100);
  ASSERT_TRUE((DenseOperator(A).some_rows(80) == sampled).all().item<bool>()) << "row 11 is not in it";
  EXPECT_LT(gap(A, 8, SvdStart::sampled), 0.01);
}

TEST(SampledStart, IsLeftOutWhereThereIsNothingToSample) {
  const auto A = random_normal(600, 50, 6).to(at::kFloat);
  const auto start = [](const LinearOperator& op) { return sampled_start(op, 4, fixed(2, SvdStart::sampled)); };
  EXPECT_TRUE(start(DenseOperator(A)).defined());
  EXPECT_FALSE(start(DenseOperator(A.narrow(0, 0, 20))).defined()) << "too few rows";
  EXPECT_FALSE(start(DenseOperator(A.t().contiguous().t())).defined()) << "rows that are not contiguous";
  EXPECT_FALSE(start(DenseOperator(0 * A)).defined());
  EXPECT_TRUE(start(DenseOperator(A * 1e30)).isfinite().all().item<bool>()) << "squares beyond the range";
  const FunctionOperator function(
      600, 50, A.options(), [&](const at::Tensor& V) { return A.matmul(V); },
      [&](const at::Tensor& U) { return A.t().matmul(U); });
  EXPECT_FALSE(start(function).defined());
  for (const auto& X : {A.narrow(0, 0, 20), 0 * A, A * 1e30}) {
    const auto svd = topk_svd(X, kTriplets, fixed(3, SvdStart::sampled));
    for (const auto& what : broken_promises(Judged(X), svd, 1)) ADD_FAILURE() << what;
  }
}

/// So that none of them is lost beside the first, nor in the noise.
TEST(SampledStart, HasColumnsOfAboutOneLengthAndFarFromDependent) {
  for (const double ratio : {0.95, 0.7, 0.4}) {
    const auto A = with_spectrum(600, 300, geometric(100, ratio), 3).to(at::kFloat);
    const auto X = sampled_start(DenseOperator(A), 6, fixed(1, SvdStart::sampled)).to(at::kDouble);
    ASSERT_EQ(X.sizes(), (at::IntArrayRef{300, 6}));
    const auto norms = X.square().sum(0).sqrt();
    EXPECT_GT((norms.min() / norms.max()).item<double>(), 0.2) << ratio;
    const auto sigma = at::linalg_svdvals(X / norms);
    EXPECT_GT((sigma[5] / sigma[0]).item<double>(), 0.3) << ratio;
  }
}

TEST(SampledStart, BoundsThatAreReportedHold) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const Judged A(with_spectrum(300, 200, geometric(80, 0.7), seed).to(at::kFloat));
    const auto svd = topk_svd(A.A, kTriplets, fixed(2, SvdStart::sampled, seed));
    EXPECT_EQ(svd.report.bounds.kind, BoundKind::proved);
    for (const auto& what : broken_promises(A, svd, 1)) ADD_FAILURE() << what;
  }
}

TEST(SampledStart, WhatItIsForIsSaid) {
  const auto A = random_normal(60, 50, 9).to(at::kFloat);
  auto options = fixed(2, SvdStart::sampled);
  options.method = SvdMethod::subspace;
  EXPECT_VALUE_ERROR(topk_svd(A, 2, options), "start 'sampled' is for criterion 'passes'");
  options = fixed(2, SvdStart::sampled);
  options.criterion = SvdCriterion::rank_k;
  EXPECT_VALUE_ERROR(topk_svd(A, 2, options), "got criterion 'rank_k'");
  options = fixed(2, SvdStart::sampled);
  options.warm_start = A.narrow(0, 0, 2).t();
  EXPECT_VALUE_ERROR(topk_svd(A, 2, options), "and a warm start");
  EXPECT_VALUE_ERROR(svd_start_from_name("normal"), "auto, random, sampled");
}

}  // namespace
}  // namespace fanion::linalg
