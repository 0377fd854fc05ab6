#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/kron.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <limits>

#include "certificates.h"
#include "fanion/linalg/svd_method_traits.h"
#include "fanion/linalg/topk_svd.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

at::Tensor decaying() { return with_spectrum(260, 220, geometric(40, 0.9), 41); }

TEST(TopkSvdOptions, AutomaticIsDenseForSmallMatricesAndBlockKrylovForLarge) {
  EXPECT_EQ(topk_svd(random_normal(30, 20, 1), 2).report.method, SvdMethod::dense);
  const auto A = with_spectrum(700, 600, geometric(40, 0.9), 41).to(at::kFloat);
  const auto svd = topk_svd(A, 5);
  EXPECT_EQ(svd.report.method, SvdMethod::block_krylov);
  EXPECT_LE(svd.report.bounds.rank_k, 1e-2) << "the default criterion and tol";
  EXPECT_EQ(choose_method(DenseOperator(A), 300, {}), SvdMethod::dense) << "k is a large part of 600";
}

/// The cost model takes spectra for flat and says LAPACK, where a few passes may do.
TEST(TopkSvdOptions, AutomaticTriesAFewPassesBeforeDense) {
  constexpr int64_t kMany = 80;
  const auto decaying = with_spectrum(800, 400, geometric(400, 0.8), 43).to(at::kFloat);
  EXPECT_EQ(choose_method(DenseOperator(decaying), kMany, {}), SvdMethod::dense)
      << "the model changed: choose another shape";
  const auto quick = topk_svd(decaying, kMany);
  EXPECT_EQ(quick.report.method, SvdMethod::block_krylov);
  EXPECT_EQ(quick.report.status, SvdStatus::converged);
  EXPECT_LT(quick.report.reads, 30);
  const auto flat = topk_svd(with_spectrum(800, 400, std::vector<double>(400, 1.0), 44).to(at::kFloat), kMany);
  EXPECT_EQ(flat.report.method, SvdMethod::dense) << "no rank-k matrix to converge to";
  EXPECT_NE(flat.report.message.find("passes of block_krylov"), std::string::npos);
}

TEST(TopkSvdOptions, AutomaticSpendsPassesOnAKrylovSpaceOfAsManyProductsAsSubspace) {
  const auto A = with_spectrum(260, 220, geometric(220, 0.97), 45);
  SvdOptions options{.criterion = SvdCriterion::passes, .passes = 3};
  const auto krylov = topk_svd(A, 4, options);
  EXPECT_EQ(krylov.report.method, SvdMethod::block_krylov);
  EXPECT_EQ(krylov.report.status, SvdStatus::passes);
  EXPECT_LT(krylov.report.bounds.lmo_gap, 1) << "it knows bounds";
  options.method = SvdMethod::subspace;
  const auto power = topk_svd(A, 4, options);
  EXPECT_EQ(krylov.report.products, power.report.products);
  EXPECT_GT(krylov.S.sum().item<double>(), power.S.sum().item<double>()) << "the larger sum is the better one";
  options.method = SvdMethod::automatic;
  options.warm_start = power.V;
  EXPECT_EQ(topk_svd(A, 4, options).report.method, SvdMethod::block_krylov) << "with a guess too";
  options.passes = 1;
  EXPECT_EQ(topk_svd(A, 4, options).report.method, SvdMethod::subspace) << "which one pass makes as much of";
  EXPECT_EQ(choose_method(DenseOperator(A), 100, {.criterion = SvdCriterion::passes, .passes = 3}), SvdMethod::subspace)
      << "the projected problem would cost more than it brings";
  const auto many = [](int64_t passes) { return SvdOptions{.criterion = SvdCriterion::passes, .passes = passes}; };
  const DenseOperator large(at::zeros({2000, 3000}, at::kFloat));
  EXPECT_EQ(choose_method(large, 1, many(50)), SvdMethod::block_krylov) << "250 of 2000 columns";
  EXPECT_EQ(choose_method(large, 1, many(51)), SvdMethod::subspace);
}

TEST(TopkSvdOptions, CountsItsProducts) {
  const auto A = decaying();
  const DenseOperator op(A);
  const auto lanczos = topk_svd(op, 3, {.method = SvdMethod::lanczos});
  EXPECT_EQ(lanczos.report.products, op.count().forward + op.count().adjoint);
  EXPECT_EQ(lanczos.report.reads, op.count().reads);
  const auto subspace =
      topk_svd(op, 3, {.method = SvdMethod::subspace, .criterion = SvdCriterion::passes, .passes = 5, .oversample = 2});
  EXPECT_EQ(subspace.report.products, 5 * 2 * (3 + 2));
  EXPECT_EQ(subspace.report.reads, 10);
}

/// A pass is one product with A and one with Aᵀ, whatever is done in it: crossing over with a guess, judging, retrying.
TEST(TopkSvdOptions, NothingIsReadBeyondThePasses) {
  for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{60, 200}, {200, 60}, {20, 300}, {50, 50}})
    for (const bool zero : {false, true})
      for (const auto method : {SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::automatic})
        for (const auto criterion : {SvdCriterion::residual, SvdCriterion::lmo_gap, SvdCriterion::passes})
          for (const int64_t passes : {1, 2, 3, 5})
            for (const int64_t guess : {0, 1, 3}) {
              const auto A = (zero ? at::zeros({m, n}, at::kDouble) : random_normal(m, n, 61)).to(at::kFloat);
              SvdOptions options{.method = method, .criterion = criterion, .tol = 1e-4, .passes = passes};
              if (guess > 0) options.warm_start = random_normal(n, guess, 62).to(at::kFloat);
              const auto svd = topk_svd(A, 2, options);
              if (svd.report.method == SvdMethod::dense) continue;
              EXPECT_LE(svd.report.reads, 2 * passes) << c10::str(m, " x ", n, ", ", name_of(method), ", ",
                                                                  name_of(criterion), ", ", passes, ", ", guess, zero);
            }
}

/// Fewer passes than the rank needs, where squares lose what is asked for: the k best triplets all the same.
TEST(TopkSvdOptions, LowRankAndFewPassesAreExhausted) {
  for (const int64_t k : {2, 10, 13})
    for (const int64_t passes : {1, 2, 5, 11})
      for (const auto method : {SvdMethod::lanczos, SvdMethod::block_krylov}) {
        const auto A = with_spectrum(34, 19, {1.0, 0.5}, 63).to(at::kFloat);
        const auto svd =
            topk_svd(A, k, {.method = method, .criterion = SvdCriterion::residual, .tol = 1e-4, .passes = passes});
        EXPECT_EQ(svd.S.size(0), k);
        EXPECT_LE(orthonormality_error(svd.U), 1e-5);
        EXPECT_LE(orthonormality_error(svd.V), 1e-5);
        const auto exact = triplet_residual_norms(A, svd.U, svd.S, svd.V);
        for (int64_t i = 0; i < k; ++i) EXPECT_LE(exact[i], svd.report.residuals[i].item<double>());
        const bool holds = svd.report.residuals.max().item<double>() <= 1e-4 * svd.S[0].item<double>();
        EXPECT_EQ(svd.report.status, holds ? SvdStatus::converged : SvdStatus::exhausted);
      }
}

TEST(TopkSvdOptions, TighterTolIsReached) {
  const auto A = decaying();
  for (const double tol : {1e-2, 1e-6, 1e-12}) {
    const auto svd = topk_svd(A, 6, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = tol});
    EXPECT_EQ(svd.report.status, SvdStatus::converged);
    EXPECT_LE(two_sided_residual(A, svd.U, svd.S, svd.V), tol);
  }
}

TEST(TopkSvdOptions, RestartsThatRunOutAreReported) {
  const auto A = random_normal(80, 70, 42);  // no gap: ten restarts of 6 vectors cannot reach 1e-14
  const auto svd = topk_svd(A, 5,
                            {.method = SvdMethod::lanczos,
                             .criterion = SvdCriterion::residual,
                             .tol = 1e-14,
                             .basis = 6,
                             .max_restarts = 10});
  EXPECT_EQ(svd.report.status, SvdStatus::exhausted);
  EXPECT_EQ(svd.report.restarts, 10);
  EXPECT_FALSE(svd.report.message.empty());
  const auto exact = triplet_residual_norms(A, svd.U, svd.S, svd.V);
  for (int64_t i = 0; i < 5; ++i)
    EXPECT_NEAR(svd.report.residuals[i].item<double>(), exact[i], 1e-12) << "100 roundings of numbers near sigma_1";
}

TEST(TopkSvdOptions, EveryBasisSizeWorks) {
  const auto A = with_spectrum(40, 30, geometric(30, 0.7), 43);
  for (const int64_t basis : {5, 6, 12, 29, 30}) {
    const auto svd = topk_svd(
        A, 4, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = 1e-10, .basis = basis});
    EXPECT_EQ(svd.report.status, SvdStatus::converged) << basis;
    EXPECT_LE(two_sided_residual(A, svd.U, svd.S, svd.V), 1.01e-10) << basis;
  }
}

TEST(TopkSvdOptions, RandomnessComesFromTheGeneratorAlone) {
  const auto A = decaying();
  auto global = at::detail::getDefaultCPUGenerator();
  const auto global_before = global.get_state().clone();
  for (const auto& row : svd_methods()) {
    const auto method = row.method;
    const auto run = [&](uint64_t seed) {
      return topk_svd(A, 2,
                      {.method = method,
                       .criterion = SvdCriterion::passes,
                       .passes = 2,
                       .generator = at::detail::createCPUGenerator(seed)});
    };
    EXPECT_TRUE(same_bits(run(1).V, run(1).V)) << name_of(method);
    if (method != SvdMethod::dense) {
      EXPECT_FALSE(same_bits(run(1).V, run(2).V)) << "the seed has no effect";
    }
    topk_svd(A, 2, {.method = method});
  }
  EXPECT_TRUE(same_bits(global.get_state(), global_before)) << "the global generator was used";
  for (const auto method :
       {SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace, SvdMethod::randomized, SvdMethod::power}) {
    auto mine = at::detail::createCPUGenerator(3);
    const auto mine_before = mine.get_state().clone();
    topk_svd(A, 2, {.method = method, .generator = mine});
    EXPECT_FALSE(same_bits(mine.get_state(), mine_before)) << name_of(method) << ": the passed generator was not used";
  }
}

TEST(TopkSvdOptions, MultipleSingularValues) {
  const auto block = with_spectrum(20, 15, geometric(15, 0.8), 49);
  const auto A = at::kron(at::eye(3, at::kDouble), block);  // 60 × 45, every singular value three times
  for (const int64_t k : {1, 2, 3, 5, 7}) {
    for (const auto method : {SvdMethod::dense, SvdMethod::subspace}) {
      const auto svd = topk_svd(A, k, {.method = method, .criterion = SvdCriterion::passes, .passes = 60});
      // 120 half-passes at a gap of 0.8 over the nine columns that k + 4 surely reach.
      for (int64_t i = 0; i < k; ++i) EXPECT_NEAR(svd.S[i].item<double>(), std::pow(0.8, i / 3), 1e-10);
    }
    // A Krylov space of one vector may hold fewer copies than there are; what it gives are true triplets.
    const auto svd = topk_svd(A, k, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = 1e-8});
    EXPECT_LE(orthonormality_error(svd.V), 1e-13);
    EXPECT_LE(two_sided_residual(A, svd.U, svd.S, svd.V), 1.01e-8);
    EXPECT_NEAR(svd.S[0].item<double>(), 1, 1e-8);
  }
}

TEST(TopkSvdOptions, OnlyTheDenseSolverAsksForTheMatrix) {
  const auto A = random_normal(30, 25, 46);
  int64_t widest = 0;
  const FunctionOperator op(
      30, 25, A.options(), [&](const at::Tensor& V) { return widest = std::max(widest, V.size(1)), at::matmul(A, V); },
      [&](const at::Tensor& U) { return widest = std::max(widest, U.size(1)), at::matmul(A.t(), U); });
  const auto lanczos =
      topk_svd(op, 2, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::residual, .tol = 1e-8});
  EXPECT_EQ(widest, 1);
  EXPECT_LE(two_sided_residual(A, lanczos.U, lanczos.S, lanczos.V), 1.01e-8);
  topk_svd(op, 2, {.method = SvdMethod::subspace, .criterion = SvdCriterion::passes, .passes = 4});
  EXPECT_EQ(widest, 2 + 4);
}

TEST(TopkSvdOptions, RefusesWhatIsOutOfRange) {
  const auto A = random_normal(6, 5, 47);
  EXPECT_VALUE_ERROR(topk_svd(A, 0), "1 to 5");
  EXPECT_VALUE_ERROR(topk_svd(A, 6), "1 to 5");
  EXPECT_VALUE_ERROR(topk_svd(A, -1), "1 to 5");
  for (const double tol : {0.0, -1.0, 1.0, std::numeric_limits<double>::quiet_NaN()})
    EXPECT_VALUE_ERROR(topk_svd(A, 1, {.tol = tol}), "tol");
  EXPECT_VALUE_ERROR(topk_svd(A, 1, {.passes = 0}), "passes");
  EXPECT_VALUE_ERROR(topk_svd(A, 1, {.oversample = -1}), "oversample");
  EXPECT_VALUE_ERROR(topk_svd(A, 3, {.basis = 3}), "4 to 5");
  EXPECT_VALUE_ERROR(topk_svd(A, 1, {.basis = 6}), "2 to 5");
  EXPECT_VALUE_ERROR(topk_svd(A, 1, {.max_restarts = -1}), "max_restarts");
  for (const auto& warm : {random_normal(6, 1, 1), at::ones({5}, at::kDouble), at::zeros({5, 0}, at::kDouble)})
    EXPECT_VALUE_ERROR(topk_svd(A, 1, {.warm_start = warm}), "warm_start");
  EXPECT_VALUE_ERROR(svd_method_from_name("arpack"), "'arpack'; choose one of: " + svd_method_names());
}

TEST(TopkSvdOptions, RefusesNanAndInfinity) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16})
    for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
      for (const auto method : {SvdMethod::automatic, SvdMethod::dense, SvdMethod::lanczos, SvdMethod::subspace}) {
        auto A = random_normal(6, 5, 48).to(dtype);
        A[3][2] = bad;
        EXPECT_VALUE_ERROR(topk_svd(A, 1, {.method = method}), "1 NaN or infinite entries out of 30");
      }
}

TEST(TopkSvdOptions, NamesRoundTrip) {
  for (const auto method : {SvdMethod::automatic, SvdMethod::dense, SvdMethod::lanczos, SvdMethod::subspace})
    EXPECT_EQ(svd_method_from_name(name_of(method)), method);
  EXPECT_EQ(name_of(SvdStatus::exhausted), "exhausted");
}

}  // namespace
}  // namespace fanion::linalg
