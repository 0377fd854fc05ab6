// Thousands of small problems drawn at random: shapes, ranks, scales, methods, criteria, budgets, guesses, operators.
// Every claim of every report is held against the exact float64 SVD.

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <random>

#include "fanion/linalg/composed_operators.h"
#include "fanion/linalg/sparse_operator.h"
#include "fanion/linalg/topk_svd.h"
#include "linalg/svd_certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

/// The same numbers with every standard library, which its distributions are not.
class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  int64_t below(int64_t limit) { return static_cast<int64_t>(engine_() % static_cast<uint64_t>(limit)); }
  int64_t between(int64_t low, int64_t high) { return low + below(high - low + 1); }
  bool one_in(int64_t n) { return below(n) == 0; }
  template <class T>
  T of(std::initializer_list<T> all) {
    return *(all.begin() + below(static_cast<int64_t>(all.size())));
  }

 private:
  std::mt19937_64 engine_;
};

/// float64, entries of about one: normal, of rank 1 to 3, decaying, with integer values, orthonormal, one entry,
/// constant.
at::Tensor drawn_matrix(Dice& dice, uint64_t seed) {
  const int64_t m = dice.between(1, 40), n = dice.between(1, 40), least = std::min(m, n);
  std::vector<double> sigma(least);
  switch (dice.below(8)) {
    case 0: return random_normal(m, n, seed);
    case 1: {
      const int64_t rank = dice.between(1, std::min<int64_t>(3, least));
      return at::matmul(random_normal(m, rank, seed), random_normal(rank, n, seed + 1));
    }
    case 2: return with_spectrum(m, n, geometric(least, std::pow(10.0, -0.1 * dice.between(0, 30))), seed);
    case 3:
      for (auto& each : sigma) each = static_cast<double>(dice.below(4));
      std::sort(sigma.rbegin(), sigma.rend());
      return with_spectrum(m, n, sigma, seed);
    case 4: return with_spectrum(m, n, std::vector<double>(least, 1.0), seed);
    case 5: {
      auto A = at::zeros({m, n}, at::kDouble);
      A[dice.below(m)][dice.below(n)] = 1;
      return A;
    }
    case 6: {  // exact zeros and repeats, which rounding does not blur
      auto A = at::zeros({m, n}, at::kDouble);
      for (int64_t i = 0; i < least; ++i) A[i][i] = static_cast<double>(dice.below(4));
      return A;
    }
    default: return dice.one_in(3) ? at::zeros({m, n}, at::kDouble) : at::ones({m, n}, at::kDouble);
  }
}

/// In float32 or float64, at any scale that leaves room for what a product adds up.
at::Tensor scaled_matrix(Dice& dice, const at::Tensor& A) {
  const bool single = dice.below(5) < 3;
  const int64_t reach = single ? 30 : dice.one_in(3) ? 295 : 30;
  const double exponent = dice.below(5) < 2 ? 0.0 : static_cast<double>(dice.between(-reach, reach));
  return (A * std::pow(10.0, exponent)).to(single ? at::kFloat : at::kDouble);
}

enum class Given { tensor, dense, functions, sparse, sum };

SvdResult solve(Given given, const at::Tensor& A, int64_t k, const SvdOptions& options) {
  switch (given) {
    case Given::dense: return topk_svd(DenseOperator(A), k, options);
    case Given::functions:
      return topk_svd(FunctionOperator(
                          A.size(0), A.size(1), A.options(), [&](const at::Tensor& V) { return at::matmul(A, V); },
                          [&](const at::Tensor& U) { return at::matmul(A.t(), U); }),
                      k, options);
    case Given::sparse: return topk_svd(SparseOperator(A.to_sparse()), k, options);
    case Given::sum: {
      const auto half = std::make_shared<DenseOperator>(A * 0.5);
      return topk_svd(SumOperator({half, half}), k, options);
    }
    default: return topk_svd(A, k, options);
  }
}

struct Call {
  int64_t k;
  Given given;
  SvdOptions options;
  std::string name() const {
    const auto& o = options;
    return c10::str(name_of(o.method), ", ", name_of(o.criterion), ", k = ", k, ", tol = ", o.tol,
                    ", passes = ", o.passes.value_or(0), ", given as ", static_cast<int>(given), ", ",
                    name_of(o.precision), ", start ", name_of(o.start), ", warm ",
                    o.warm_start.defined() ? o.warm_start.size(1) : 0);
  }
};

Call drawn_call(Dice& dice, const at::Tensor& A, uint64_t seed) {
  const int64_t m = A.size(0), n = A.size(1), least = std::min(m, n);
  Call call{dice.between(1, dice.one_in(2) ? least : std::min<int64_t>(3, least)), Given::tensor, {}};
  auto& o = call.options;
  o.method = dice.of({SvdMethod::automatic, SvdMethod::dense, SvdMethod::lanczos, SvdMethod::block_krylov,
                      SvdMethod::subspace, SvdMethod::randomized, SvdMethod::power});
  o.criterion = dice.of({SvdCriterion::residual, SvdCriterion::rank_k, SvdCriterion::lmo_gap, SvdCriterion::passes});
  o.tol = dice.of({0.1, 1e-2, 1e-4, 1e-6, 1e-10});
  const bool power =
      o.method == SvdMethod::subspace || o.method == SvdMethod::randomized || o.method == SvdMethod::power;
  if (o.criterion == SvdCriterion::passes)
    o.passes = dice.between(o.method == SvdMethod::power ? call.k : 1, o.method == SvdMethod::power ? call.k + 5 : 5);
  else if (power || dice.one_in(3))
    o.passes = dice.between(1, 30);
  if (dice.one_in(5))
    o.warm_start = random_normal(n, dice.between(1, 5), seed).to(A.scalar_type());
  else if (dice.one_in(8))
    o.warm_start = at::eye(n, A.options()).narrow(1, 0, call.k).contiguous();
  if (dice.one_in(2))
    call.given = dice.of({Given::dense, Given::functions, Given::sparse, Given::sum});
  else if (dice.one_in(3))
    o.precision = A.scalar_type() == at::kDouble
                      ? SvdPrecision::mixed
                      : dice.of({SvdPrecision::mixed, SvdPrecision::int8, SvdPrecision::bfloat16});
  if (dice.one_in(4)) o.start = SvdStart::random;
  return call;
}

/// One product more than two a pass where a power method judges what it has; every vector of `power` takes a pass.
int64_t most_reads(const Call& call) {
  const auto& o = call.options;
  switch (o.method) {
    case SvdMethod::power: return 2 * *o.passes + 3 * (call.k + 1) + 2;
    case SvdMethod::subspace:
    case SvdMethod::randomized: return 2 * *o.passes + (o.criterion == SvdCriterion::passes ? 0 : 1);
    default: return 2 * *o.passes;
  }
}

void expect_kept(const Judged& A, const Call& call) {
  const auto given = call.options.warm_start.defined() ? call.options.warm_start.clone() : at::Tensor();
  const auto where = [&] { return c10::str(A.A.sizes(), " ", A.A.scalar_type(), ", ", call.name()); };
  try {
    const auto svd = solve(call.given, A.A, call.k, call.options);
    for (const auto& what : broken_promises(A, svd, call.options.tol))
      ADD_FAILURE() << what << "; " << where() << "; " << svd.report.message;
    // Blocks of more than 8 columns take several reads each where one is counted a column group.
    if (call.options.passes && call.given == Given::functions && call.options.method != SvdMethod::dense &&
        call.options.method != SvdMethod::automatic) {
      EXPECT_LE(svd.report.reads, most_reads(call)) << where();
    }
    if (given.defined()) {
      EXPECT_TRUE(at::equal(given, call.options.warm_start)) << "the guess was written to; " << where();
    }
  } catch (const std::exception& error) {
    ADD_FAILURE() << std::string(error.what()).substr(0, 200) << "; " << where();
  }
}

/// 8 parts of 80 matrices, 6 calls each: 3840 cases.
class SvdSweep : public ::testing::TestWithParam<int> {};

TEST_P(SvdSweep, EveryReportIsTrue) {
  constexpr int kMatrices = 80, kCalls = 6;
  for (int i = 0; i < kMatrices; ++i) {
    const auto seed = static_cast<uint64_t>(1000 * GetParam() + i);
    Dice dice(seed);
    const Judged A(scaled_matrix(dice, drawn_matrix(dice, seed)));
    for (int call = 0; call < kCalls; ++call) expect_kept(A, drawn_call(dice, A.A, 7 * seed + call));
  }
}

INSTANTIATE_TEST_SUITE_P(Parts, SvdSweep, ::testing::Range(0, 8));

}  // namespace
}  // namespace fanion::linalg
