#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>

#include "certificates.h"
#include "fanion/linalg/topk_svd.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

const std::vector<SvdCriterion> kCriteria = {SvdCriterion::residual, SvdCriterion::rank_k, SvdCriterion::lmo_gap,
                                             SvdCriterion::passes};

/// Small residuals and gaps of 0.1 are always within reach of these; not so the bounds of values that agree.
bool always_converges(SvdMethod method, SvdCriterion criterion, double tol) {
  if (method != SvdMethod::dense && method != SvdMethod::lanczos && method != SvdMethod::block_krylov) return false;
  return criterion == SvdCriterion::residual || (criterion == SvdCriterion::lmo_gap && tol == 0.1);
}

std::vector<int64_t> sampled_k(const at::Tensor& A) {
  const int64_t smaller = std::min(A.size(0), A.size(1));
  std::vector<int64_t> ks = {1, std::min<int64_t>(3, smaller), (smaller + 1) / 2, smaller};
  ks.erase(std::unique(ks.begin(), ks.end()), ks.end());
  return ks;
}

/// Power iterations crawl where values are close, so they get a budget; the Krylov methods need none to end.
SvdOptions options_for(SvdMethod method, SvdCriterion criterion, double tol, int64_t k) {
  SvdOptions options{.method = method, .criterion = criterion, .tol = tol};
  if (criterion == SvdCriterion::passes)
    options.passes = method == SvdMethod::power ? 3 * k : 6;
  else if (method == SvdMethod::subspace || method == SvdMethod::randomized)
    options.passes = 40;
  else if (method == SvdMethod::power)
    options.passes = 15 * k;
  return options;
}

class SvdPromises : public ::testing::TestWithParam<Specimen> {};

TEST_P(SvdPromises, EveryMethodKeepsThemUnderEveryCriterion) {
  const Judged A(GetParam().A);
  for (const auto method : every_method())
    for (const auto criterion : kCriteria)
      for (const auto k : sampled_k(A.A))
        for (const double tol : {0.1, 1e-4}) {
          if (criterion == SvdCriterion::passes && tol != 0.1) continue;  // it has no tolerance
          SCOPED_TRACE(c10::str(name_of(method), ", ", name_of(criterion), " to ", tol, ", k = ", k));
          const auto svd = topk_svd(A.A, k, options_for(method, criterion, tol, k));
          for (const auto& what : broken_promises(A, svd, tol)) ADD_FAILURE() << what << "; " << svd.report.message;
          EXPECT_EQ(svd.report.method, method);
          EXPECT_EQ(svd.report.criterion, criterion);
          EXPECT_FALSE(svd.report.message.empty());
          if (criterion == SvdCriterion::passes && method != SvdMethod::dense) {
            EXPECT_EQ(svd.report.status, SvdStatus::passes);
          } else if (always_converges(method, criterion, tol)) {
            EXPECT_EQ(svd.report.status, SvdStatus::converged) << svd.report.message;
          }
        }
}

TEST_P(SvdPromises, TheSameSeedGivesTheSameBits) {
  const auto& A = GetParam().A;
  const int64_t k = std::min<int64_t>({2, A.size(0), A.size(1)});
  for (const auto method : every_method())
    for (const auto criterion : {SvdCriterion::rank_k, SvdCriterion::passes}) {
      const auto run = [&] {
        auto options = options_for(method, criterion, 1e-2, k);
        options.generator = at::detail::createCPUGenerator(5);
        return topk_svd(A, k, options);
      };
      const auto first = run(), second = run();
      EXPECT_TRUE(same_bits(first.U, second.U) && same_bits(first.S, second.S) && same_bits(first.V, second.V))
          << name_of(method) << ", " << name_of(criterion);
      EXPECT_EQ(first.report.bounds.rank_k, second.report.bounds.rank_k) << name_of(method);
      EXPECT_EQ(first.report.products, second.report.products) << name_of(method);
    }
}

INSTANTIATE_TEST_SUITE_P(Zoo, SvdPromises, ::testing::ValuesIn(whole_zoo()),
                         [](const auto& specimen) { return specimen.param.name; });

/// What a budget too small for the spectrum ends with: no claim.
TEST(SvdPromises, ExhaustedMethodsClaimNothing) {
  const Judged A(with_spectrum(60, 50, geometric(50, 0.999), 3));
  for (const auto method : {SvdMethod::subspace, SvdMethod::randomized, SvdMethod::power})
    for (const auto criterion : {SvdCriterion::residual, SvdCriterion::rank_k}) {
      const auto svd = topk_svd(A.A, 5, {.method = method, .criterion = criterion, .tol = 1e-3, .passes = 25});
      EXPECT_EQ(svd.report.status, SvdStatus::exhausted) << name_of(method) << ", " << name_of(criterion);
      EXPECT_GT(A.rank_k_error(svd), 1e-3) << "the budget was enough, so this proves nothing";
      EXPECT_TRUE(broken_promises(A, svd, 1e-3).empty());
    }
}

/// The judge itself: a result that is wrong in one way is found out.
TEST(SvdPromises, FalseOnesAreSeen) {
  const Judged A(with_spectrum(30, 20, geometric(20, 0.8), 4));
  const auto good = topk_svd(A.A, 3, {.method = SvdMethod::dense});
  EXPECT_TRUE(broken_promises(A, good, 1e-2).empty());
  const auto expect_seen = [&](const std::function<void(SvdResult&)>& spoil) {
    auto bad = good;
    bad.U = good.U.clone(), bad.S = good.S.clone(), bad.V = good.V.clone();
    bad.report.bounds.upper = good.report.bounds.upper.clone();
    bad.report.residuals = good.report.residuals.clone();
    spoil(bad);
    EXPECT_FALSE(broken_promises(A, bad, 1e-2).empty());
  };
  expect_seen([](SvdResult& svd) { svd.U *= 1 + 1e-8; });
  expect_seen([](SvdResult& svd) { svd.S *= 1 + 1e-8; });
  expect_seen([](SvdResult& svd) { svd.S *= 0.98; });
  expect_seen([](SvdResult& svd) { svd.V = svd.V.flip(1); });
  expect_seen([](SvdResult& svd) { svd.report.bounds.upper *= 1 - 1e-8; });
  expect_seen([](SvdResult& svd) { svd.report.bounds.next_upper *= 1 - 1e-8; });
  expect_seen([](SvdResult& svd) { svd.report.residuals *= std::numeric_limits<double>::quiet_NaN(); });
  const auto rough = topk_svd(A.A, 3, {.method = SvdMethod::lanczos, .criterion = SvdCriterion::passes, .passes = 4});
  EXPECT_TRUE(broken_promises(A, rough, 1e-2).empty());
  auto flattered = rough;
  flattered.report.residuals = rough.report.residuals / 10;
  EXPECT_FALSE(broken_promises(A, flattered, 1e-2).empty());
  expect_seen([&](SvdResult& svd) {  // the second triplet left out
    const auto next = topk_svd(A.A, 4, {.method = SvdMethod::dense});
    svd.U.select(1, 1).copy_(next.U.select(1, 3)), svd.V.select(1, 1).copy_(next.V.select(1, 3));
    svd.S[1] = svd.S[2], svd.S[2] = next.S[3];
  });
}

}  // namespace
}  // namespace fanion::linalg
