#include "fanion/linalg/svd/svd_bounds.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <map>
#include <random>

#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

/// The same numbers on every platform, which the standard's distributions do not promise.
class Draw {
 public:
  explicit Draw(uint64_t seed) : engine_(seed) {}
  uint64_t seed() { return engine_() % 1'000'000; }
  int64_t integer(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(engine_() % static_cast<uint64_t>(high - low + 1));
  }
  template <class T>
  T one_of(const std::vector<T>& choices) {
    return choices[static_cast<std::size_t>(integer(0, std::ssize(choices) - 1))];
  }

 private:
  std::mt19937_64 engine_;
};

const std::vector<std::string> kSpectra = {"normal",   "one_row",      "one_column",    "zero",  "multiple",
                                           "tied",     "low_rank",     "graded",        "tiny",  "huge",
                                           "denormal", "two_clusters", "loose_cluster", "decays"};

struct Drawn {
  at::Tensor A;  ///< float64
  int64_t k;
};

Drawn draw_matrix(const std::string& spectrum, at::ScalarType dtype, Draw& draw) {
  const int64_t m = spectrum == "one_row" ? 1 : draw.integer(12, 60);
  const int64_t n = spectrum == "one_column" ? 1 : draw.integer(12, 60);
  const int64_t limit = std::min(m, n), k = draw.integer(1, draw.integer(0, 9) ? std::min<int64_t>(limit, 8) : limit);
  const uint64_t seed = draw.seed();
  if (m == 1 || n == 1 || spectrum == "normal") return {random_normal(m, n, seed), k};
  if (spectrum == "zero") return {at::zeros({m, n}, at::kDouble), k};
  auto sigma = geometric(limit, 0.5 + 0.05 * static_cast<double>(draw.integer(0, 9)));
  if (spectrum == "graded") sigma = geometric(limit, std::pow(1e-12, 1.0 / static_cast<double>(limit - 1)));
  if (spectrum == "low_rank") sigma = geometric(std::max<int64_t>(1, k - draw.integer(0, 3)), 0.8);
  if (spectrum == "tied" && k < limit) sigma[k] = sigma[k - 1];
  const int64_t copies = draw.integer(2, std::min<int64_t>(12, limit));
  if (spectrum == "multiple") std::fill_n(sigma.begin(), copies, 1.2);
  for (int64_t i = 0; i < limit; ++i) {
    const auto far = 0.3 * std::pow(0.9, i), place = static_cast<double>(i);
    if (spectrum == "two_clusters")
      sigma[i] = 2 * i < copies ? 1 + 1e-7 * place : i < copies ? 0.7 - 1e-7 * place : far;
    if (spectrum == "loose_cluster")
      sigma[i] = i < copies ? 1 - std::pow(10.0, -static_cast<double>(draw.integer(2, 9))) * place / 10 : far;
  }
  std::sort(sigma.rbegin(), sigma.rend());
  const auto A = with_spectrum(m, n, sigma, seed);
  if (spectrum == "tiny") return {1e-30 * A, k};
  if (spectrum == "huge") return {1e30 * A, k};
  if (spectrum == "denormal") return {(dtype == at::kFloat ? 1e-40 : 1e-310) * A, k};
  return {A, k};
}

struct Run {
  int64_t k;
  uint64_t seed;
  SvdOptions options;
};
std::ostream& operator<<(std::ostream& out, const Run& run) {
  const auto& o = run.options;
  return out << name_of(o.method) << ", " << name_of(o.criterion) << " to " << o.tol << ", k = " << run.k
             << ", block = " << o.block << ", oversample = " << o.oversample << ", " << name_of(o.precision)
             << ", seed " << run.seed;
}

Run draw_run(int64_t k, Draw& draw) {
  Run run{k, draw.seed(), {}};
  auto& o = run.options;
  o.method = draw.one_of<SvdMethod>(
      {SvdMethod::lanczos, SvdMethod::block_krylov, SvdMethod::subspace, SvdMethod::randomized, SvdMethod::dense});
  o.criterion = draw.integer(0, 1) ? SvdCriterion::rank_k : SvdCriterion::lmo_gap;
  o.tol = draw.one_of<double>({0.3, 0.1, 0.01, 1e-4});
  o.block = draw.integer(0, 1) ? draw.integer(1, 5) : 0;
  o.oversample = draw.integer(0, 4);
  if (o.method == SvdMethod::subspace || o.method == SvdMethod::randomized) o.passes = 30;
  o.generator = at::detail::createCPUGenerator(run.seed);
  return run;
}

constexpr int kRuns = 17, kMixed = 4;

/// `matrices` of one spectrum, kRuns runs each and kMixed in mixed precision, whose copy shifts values by more than
/// some of them differ; how often each kind of bound came with each method.
void expect_bounds(const std::string& spectrum, int64_t matrices, std::map<std::string, int>& seen) {
  Draw draw(1000 + static_cast<uint64_t>(std::find(kSpectra.begin(), kSpectra.end(), spectrum) - kSpectra.begin()));
  for (int64_t i = 0; i < matrices; ++i) {
    const auto dtype = draw.integer(0, 3) ? at::kDouble : at::kFloat;
    const auto [matrix, k] = draw_matrix(spectrum, dtype, draw);
    const Judged A(matrix.to(dtype));
    const int64_t limit = std::min(A.A.size(0), A.A.size(1));
    for (int repeat = 0; repeat < kRuns + kMixed; ++repeat) {
      auto run = draw_run(draw.integer(0, 2) ? k : draw.integer(1, std::min<int64_t>(limit, 6)), draw);
      if (repeat >= kRuns) run.options.precision = SvdPrecision::mixed;
      const auto svd = topk_svd(A.A, run.k, run.options);
      if (repeat >= kRuns) ++seen["mixed " + std::string(name_of(svd.report.status))];
      if (repeat >= kRuns && svd.report.message.find("mixed precision") != std::string::npos) ++seen["mixed for true"];
      ++seen[std::string(name_of(run.options.method)) + " " + std::string(name_of(svd.report.bounds.kind))];
      ++seen[std::string(name_of(run.options.criterion)) + " " + std::string(name_of(svd.report.status))];
      for (const auto& what : broken_promises(A, svd, run.options.tol))
        ADD_FAILURE() << spectrum << " " << A.A.sizes() << " " << dtype << ", matrix " << i << ", " << run << ": "
                      << what;
    }
  }
}

TEST(SvdBounds, HoldInTenThousandRandomCases) {
  std::map<std::string, int> seen;
  for (const auto& spectrum : kSpectra) expect_bounds(spectrum, 43, seen);
  int cases = 0;
  for (const auto& [what, count] : seen)
    if (what.find("rank_k") == 0 || what.find("lmo_gap") == 0) cases += count;
  EXPECT_GE(cases, 10'000);
  // Each kind of bound, and each end, often enough that the above means something. Measured: half as much again.
  for (const auto* method : {"lanczos", "block_krylov"}) {
    EXPECT_GE(seen[std::string(method) + " probabilistic"], 800) << method;
    EXPECT_GE(seen[std::string(method) + " proved"], 100) << method;
  }
  for (const auto* method : {"subspace", "randomized"}) {
    EXPECT_GE(seen[std::string(method) + " probabilistic"], 400) << method;
    EXPECT_GE(seen[std::string(method) + " proved"], 400) << method;
  }
  EXPECT_GE(seen["dense proved"], 1000);
  for (const auto* criterion : {"rank_k", "lmo_gap"}) EXPECT_GE(seen[std::string(criterion) + " converged"], 3000);
  EXPECT_GE(seen["rank_k exhausted"], 400);
  EXPECT_GE(seen["mixed converged"], 1200);
  EXPECT_GE(seen["mixed for true"], 1000);
  if (::testing::Test::HasFailure())
    for (const auto& [what, count] : seen) std::cout << what << ": " << count << "\n";
}

}  // namespace
}  // namespace fanion::linalg
