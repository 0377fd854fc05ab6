#include "fanion/norms/singular.h"

#include <ATen/ops/matmul.h>

#include "certificates.h"
#include "fanion/norms/mixture.h"
#include "fanion/norms/nuclear.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

TEST(Singular, ValuesAgreeWithTheOracle) {
  for (const auto& [name, A] : whole_zoo()) {
    const auto exact = exact_singular_values(A), found = exact_singular_values(singular_values(A).diag());
    // LAPACK's absolute error is a small multiple of eps·σ₁.
    for (std::size_t i = 0; i < exact.size(); ++i)
      EXPECT_NEAR(found[i], exact[i], 100 * working_eps(A.scalar_type()) * exact[0]) << name << " " << i;
  }
}

TEST(Singular, WarmColumnsAreThoseOfTheSubspace) {
  for (const auto [k, more] : {std::pair{1, 1}, {2, 1}, {3, 1}, {5, 2}, {8, 4}, {15, 4}})
    EXPECT_EQ(warm_columns_for(kTrainingTriplets, k, 20, 30), k + more);
  EXPECT_EQ(warm_columns_for({.method = linalg::SvdMethod::subspace, .oversample = 7}, 3, 20, 30), 10);
  EXPECT_EQ(warm_columns_for(kTrainingTriplets, 18, 20, 30), 20);
  EXPECT_EQ(warm_columns_for({.method = linalg::SvdMethod::lanczos}, 3, 20, 30), 0);
  EXPECT_VALUE_ERROR(warm_columns_for(kTrainingTriplets, 21, 20, 30), "1 to 20");
}

TEST(Singular, WarmStartCarriesTheSubspaceFromCallToCall) {
  const auto A = with_spectrum(40, 30, geometric(30, 0.8), 321);
  auto warm = initial_warm_start(*nuclear(kTrainingTriplets), 40, 30, A.options());
  double before = 1;
  for (int call = 0; call < 6; ++call) {
    const auto svd = triplets(A, 1, kTrainingTriplets, &warm);
    const double residual = two_sided_residual(A, svd.U, svd.S, svd.V);
    // A pass with two columns shrinks the angle by (0.8^2)^2 = 0.41; the residual follows it.
    EXPECT_LE(residual, 0.6 * before) << call;
    EXPECT_LE(orthonormality_error(warm), 1e-13);
    before = residual;
  }
}

TEST(Singular, PartsOfASumKeepTheirOwnWarmStarts) {
  const auto A = with_spectrum(20, 15, geometric(15, 0.6), 322);
  const auto part = nuclear({.method = linalg::SvdMethod::subspace, .passes = 2, .oversample = 4});
  const auto sum = mixture({{0.5, part}, {0.5, part}});
  EXPECT_EQ(sum->warm_columns(20, 15), 10);
  auto warm = initial_warm_start(*sum, 20, 15, A.options());
  for (int call = 0; call < 20; ++call) sum->direction(A, &warm);
  for (const int64_t first : {0, 5}) {
    const auto own = warm.narrow(1, first, 5);
    EXPECT_LE(relative_error(at::matmul(own, own.t()),
                             at::matmul(exact_svd(A).V.narrow(1, 0, 5), exact_svd(A).V.narrow(1, 0, 5).t())),
              1e-8)
        << "0.6^80, the gap after five columns";
  }
}

TEST(Singular, ColumnsBeyondTheRankVanish) {
  const auto A = with_spectrum(20, 15, {3, 2, 1}, 323);
  const auto [coef, U, V, S] = flattened_triplets(A, 6, {});
  EXPECT_LE(orthonormality_error(U.narrow(1, 0, 3)), 1e-13);
  EXPECT_EQ(frobenius_norm(U.narrow(1, 3, 3)), 0);
}

}  // namespace
}  // namespace fanion::norms
