// Mixed precision: the promises of a report hold for the matrix that was given, whatever was used on the way.

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "certificates.h"
#include "fanion/kernels/skinny_product.h"
#include "fanion/linalg/topk_svd.h"
#include "linalg/svd_certificates.h"
#include "oracle.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

SvdOptions mixed(SvdMethod method, SvdCriterion criterion, double tol, SvdPrecision precision = SvdPrecision::mixed) {
  SvdOptions options{.method = method, .criterion = criterion, .tol = tol, .precision = precision};
  if (criterion == SvdCriterion::passes) options.passes = 6;
  return options;
}

/// 16-bit matrices that the kernels do not take are widened to float32 first, and that has one.
bool has_narrower_form(const at::Tensor& A, SvdPrecision precision) {
  if (A.scalar_type() == at::kDouble) return precision == SvdPrecision::mixed;
  return (A.element_size() == 4) == kernels::takes_skinny(A);
}

class MixedSvd : public ::testing::TestWithParam<Specimen> {};

void expect_promises(const Judged& A, SvdPrecision precision) {
  const int64_t smaller = std::min(A.A.size(0), A.A.size(1));
  for (const auto method : {SvdMethod::block_krylov, SvdMethod::lanczos, SvdMethod::subspace})
    for (const auto criterion :
         {SvdCriterion::residual, SvdCriterion::rank_k, SvdCriterion::lmo_gap, SvdCriterion::passes})
      for (const int64_t k : {int64_t{1}, std::min<int64_t>(3, smaller)})
        for (const double tol : {0.1, 1e-2, 1e-4}) {
          if (criterion == SvdCriterion::passes && tol != 0.1) continue;
          auto options = mixed(method, criterion, tol, precision);
          if (method == SvdMethod::subspace && !options.passes) options.passes = 40;
          SCOPED_TRACE(c10::str(name_of(method), ", ", name_of(criterion), " to ", tol, ", k = ", k));
          if (!has_narrower_form(A.A, precision)) {
            EXPECT_VALUE_ERROR(topk_svd(A.A, k, options), c10::str("precision '", name_of(precision), "' takes a "));
            continue;
          }
          const auto svd = topk_svd(A.A, k, options);
          for (const auto& what : broken_promises(A, svd, tol)) ADD_FAILURE() << what << "; " << svd.report.message;
          if (criterion == SvdCriterion::passes) {
            EXPECT_EQ(svd.report.status, SvdStatus::passes);
          } else if (criterion == SvdCriterion::residual && method != SvdMethod::subspace) {
            EXPECT_EQ(svd.report.status, SvdStatus::converged) << svd.report.message;
          }
        }
}

TEST_P(MixedSvd, KeepsEveryPromise) { expect_promises(Judged(GetParam().A), SvdPrecision::mixed); }
TEST_P(MixedSvd, KeepsEveryPromiseInBfloat16) { expect_promises(Judged(GetParam().A), SvdPrecision::bfloat16); }
TEST_P(MixedSvd, KeepsEveryPromiseInBytes) { expect_promises(Judged(GetParam().A), SvdPrecision::int8); }

INSTANTIATE_TEST_SUITE_P(Zoo, MixedSvd, ::testing::ValuesIn(whole_zoo()),
                         [](const auto& specimen) { return specimen.param.name; });

/// The narrow matrix does the work: all reads of A itself are one for its norm and one at the end.
TEST(MixedSvd, ReadsTheMatrixOnceWhereThatIsEnough) {
  const DenseOperator A(with_spectrum(300, 200, geometric(60, 0.8), 5).to(at::kFloat));
  for (const auto criterion : {SvdCriterion::residual, SvdCriterion::rank_k, SvdCriterion::lmo_gap}) {
    const auto before = A.count().reads;
    const auto svd = topk_svd(A, 4, mixed(SvdMethod::block_krylov, criterion, 1e-2));
    EXPECT_EQ(svd.report.status, SvdStatus::converged) << svd.report.message;
    EXPECT_EQ(A.count().reads - before, 1) << name_of(criterion);
    EXPECT_GT(svd.report.reads, 1);
  }
}

/// Values that float16 cannot tell apart: the full precision has to finish, and does.
TEST(MixedSvd, GoesOnInFullPrecisionWhereTheNarrowMatrixCannotTell) {
  auto sigma = geometric(60, 0.8);
  sigma[1] = sigma[0] * (1 - 4e-4);
  const Judged A(with_spectrum(300, 200, sigma, 6).to(at::kFloat));
  const DenseOperator op(A.A);
  const auto svd = topk_svd(op, 1, mixed(SvdMethod::block_krylov, SvdCriterion::rank_k, 1e-2));
  EXPECT_EQ(svd.report.status, SvdStatus::converged) << svd.report.message;
  EXPECT_GT(op.count().reads, 1);
  EXPECT_TRUE(broken_promises(A, svd, 1e-2).empty());
}

/// ‖ÛŜV̂ᵀ − A_k‖_F/‖A_k‖_F in float64.
double rank_k_error(const at::Tensor& A, int64_t k, const SvdResult& svd) {
  const auto [U, S, Vh] = at::linalg_svd(A.to(at::kDouble), false);
  const auto best = at::matmul(U.narrow(1, 0, k) * S.narrow(0, 0, k), Vh.narrow(0, 0, k));
  const auto found = at::matmul(svd.U.to(at::kDouble) * svd.S.to(at::kDouble), svd.V.to(at::kDouble).t());
  return frobenius_norm(found - best) / frobenius_norm(best);
}

/// Passes that the narrow matrix has no more use for go into corrections: the error falls far below its rounding, which
/// a method that does not refine keeps.
TEST(MixedSvd, FixedPassesAreRefined) {
  const auto tall = with_spectrum(300, 200, geometric(200, 0.93), 12).to(at::kFloat);
  for (const auto& [precision, noise] : {std::pair{SvdPrecision::int8, 1e-3}, std::pair{SvdPrecision::mixed, 1e-5}})
    for (const int64_t k : {1, 4})
      for (const bool wide : {false, true}) {
        SCOPED_TRACE(c10::str(name_of(precision), ", k = ", k, wide ? ", wide" : ""));
        const auto A = wide ? tall.t().contiguous() : tall;
        auto options = mixed(SvdMethod::subspace, SvdCriterion::passes, 0.1, precision);
        options.passes = 150;
        EXPECT_GT(rank_k_error(A, k, topk_svd(A, k, options)), noise);
        options.method = SvdMethod::block_krylov;
        const auto svd = topk_svd(A, k, options);
        EXPECT_LT(rank_k_error(A, k, svd), 3e-6) << svd.report.message;
        EXPECT_NE(svd.report.message.find("refined"), std::string::npos) << svd.report.message;
        EXPECT_LE(svd.report.reads, 2 * *options.passes);
        EXPECT_EQ(svd.report.status, SvdStatus::passes);
        options.start = SvdStart::sampled;
        EXPECT_LT(rank_k_error(A, k, topk_svd(A, k, options)), 3e-6);
      }
}

/// In bfloat16 vectors are rounded as well; a product with A itself mends most of that in a Krylov space.
TEST(MixedSvd, Bfloat16IsCorrected) {
  const auto tall = with_spectrum(300, 200, geometric(200, 0.93), 12).to(at::kFloat);
  for (const int64_t k : {1, 4})
    for (const auto& A : {tall, tall.t().contiguous(), tall.t().contiguous().t()}) {
      auto options = mixed(SvdMethod::subspace, SvdCriterion::passes, 0.1, SvdPrecision::bfloat16);
      options.passes = 150;
      const double rounding = rank_k_error(A, k, topk_svd(A, k, options));
      EXPECT_GT(rounding, 1e-4);
      options.method = SvdMethod::block_krylov;
      options.passes = 20;
      for (const auto start : {SvdStart::random, SvdStart::sampled}) {
        options.start = start;
        const auto svd = topk_svd(A, k, options);
        EXPECT_LT(rank_k_error(A, k, svd), rounding / 5) << svd.report.message;
        EXPECT_NE(svd.report.message.find("V corrected"), std::string::npos) << svd.report.message;
        EXPECT_EQ(svd.report.status, SvdStatus::passes);
        EXPECT_LE(svd.report.reads, 2 * *options.passes);
      }
    }
}

/// Of the passes two are of A itself.
TEST(MixedSvd, Bfloat16ReadsTheMatrixTwice) {
  const DenseOperator A(random_normal(300, 200, 15).to(at::kFloat));
  auto options = mixed(SvdMethod::block_krylov, SvdCriterion::passes, 0.1, SvdPrecision::bfloat16);
  const auto svd = topk_svd(A, 3, options);
  EXPECT_EQ(A.count().reads, 2 * std::max<int64_t>(A.gram_reads(3), 1));
  EXPECT_EQ(svd.report.products, 2 * (8 * (*options.passes - 2) + 2 * 3));
}

/// σ₁ = σ₂ = … : the space has nothing to converge to, and says nothing wrong.
TEST(MixedSvd, RefinesWhereNothingIsLeft) {
  for (const auto& A : {at::eye(40, at::kFloat), with_spectrum(50, 40, {3, 2, 1}, 13).to(at::kFloat)})
    for (const auto precision : {SvdPrecision::mixed, SvdPrecision::bfloat16, SvdPrecision::int8}) {
      auto options = mixed(SvdMethod::block_krylov, SvdCriterion::passes, 0.1, precision);
      options.passes = 60;
      const auto svd = topk_svd(A, 5, options);
      for (const auto& what : broken_promises(Judged(A), svd, 0.1)) ADD_FAILURE() << what << svd.report.message;
    }
}

TEST(MixedSvd, BudgetsHold) {
  const auto A = random_normal(300, 200, 7).to(at::kFloat);
  for (const int64_t passes : {1, 2, 5}) {
    auto options = mixed(SvdMethod::subspace, SvdCriterion::passes, 0.1);
    options.passes = passes;
    EXPECT_EQ(topk_svd(A, 3, options).report.products, 2 * (passes - 1) * 7 + (passes > 1 ? 2 * 3 : 2 * 7));
    options.criterion = SvdCriterion::residual;
    options.method = SvdMethod::block_krylov;
    options.tol = 5e-3;
    const auto svd = topk_svd(A, 3, options);
    EXPECT_EQ(svd.report.status, SvdStatus::exhausted);
    EXPECT_LE(svd.report.products, passes * 2 * 8 + 3) << "blocks of 8, and a product for the residuals";
  }
}

/// What the narrow matrix cannot help is done in full, and the message says so.
TEST(MixedSvd, SaysWhenItWasFullPrecision) {
  const auto A = random_normal(30, 20, 9);
  const auto message_of = [](const at::Tensor& X, const SvdOptions& options) {
    return topk_svd(X, 2, options).report.message;
  };
  auto once = mixed(SvdMethod::subspace, SvdCriterion::passes, 0.1);
  once.passes = 1;
  EXPECT_NE(message_of(A, once).find("in full precision: one pass"), std::string::npos);
  const auto fine = mixed(SvdMethod::block_krylov, SvdCriterion::residual, 1e-9);
  EXPECT_NE(message_of(A, fine).find("in full precision: tol"), std::string::npos);
  EXPECT_NE(message_of(0 * A, mixed(SvdMethod::block_krylov, SvdCriterion::residual, 0.1))
                .find("in full precision: the matrix is zero"),
            std::string::npos);
  const auto single = A.to(at::kFloat);
  auto narrow = mixed(SvdMethod::block_krylov, SvdCriterion::rank_k, 0.1, SvdPrecision::bfloat16);
  EXPECT_NE(message_of(single, narrow).find("in full precision: rounded vectors"), std::string::npos);
  narrow.criterion = SvdCriterion::passes;
  narrow.passes = 2;
  EXPECT_NE(message_of(single, narrow).find("in full precision: two passes"), std::string::npos);
}

TEST(MixedSvd, OperatorsAreRefused) {
  const auto A = random_normal(30, 20, 8);
  const FunctionOperator op(
      30, 20, A.options(), [&](const at::Tensor& V) { return at::matmul(A, V); },
      [&](const at::Tensor& U) { return at::matmul(A.t(), U); });
  EXPECT_VALUE_ERROR(topk_svd(op, 2, mixed(SvdMethod::automatic, SvdCriterion::rank_k, 1e-2)),
                     "choose precision 'full'");
  EXPECT_VALUE_ERROR(svd_precision_from_name("double"), "full, mixed, bfloat16, int8");
}

}  // namespace
}  // namespace fanion::linalg
