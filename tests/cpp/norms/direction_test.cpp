#include "fanion/norms/direction.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

constexpr int64_t kRows = 11, kCols = 7;

struct TermCase {
  std::string name;
  Term term;
  at::Tensor exact;  ///< float64
};

/// Every kind of term, with its matrix by the formula in direction.h.
std::vector<TermCase> term_cases(at::ScalarType dtype) {
  const auto make = [&](int64_t m, int64_t n, uint64_t seed) { return random_normal(m, n, seed).to(dtype); };
  const auto exact = [](const at::Tensor& x) { return x.to(at::kDouble); };
  const auto U = make(kRows, 3, 81), V = make(kCols, 3, 82), M = make(kRows, kCols, 83);
  const auto R = exact(M) - at::matmul(exact(U), exact(V).t());
  const auto scale = at::scalar_tensor(0.3, at::kDouble);
  const auto rows = at::linalg_vector_norm(R, 2, {{1}}, /*keepdim=*/true);
  const auto columns = at::linalg_vector_norm(R, 2, {{0}}, /*keepdim=*/true);
  return {
      {"low_rank", LowRankTerm{-2, U, V}, -2 * at::matmul(exact(U), exact(V).t())},
      {"scaled", ScaledTerm{1.5, M, scale}, 1.5 * 0.3 * exact(M)},
      {"dense", DenseTerm{-0.5, M}, -0.5 * exact(M)},
      {"sign", ResidualTerm{2, ResidualMap::sign, M, U, V, {}}, 2 * at::sign(R)},
      {"row_norm", ResidualTerm{2, ResidualMap::row_norm, M, U, V, {}}, 2 * R / rows},
      {"col_norm", ResidualTerm{2, ResidualMap::col_norm, M, U, V, {}}, 2 * R / columns},
      {"frobenius", ResidualTerm{2, ResidualMap::frobenius, M, U, V, {}}, 2 * R / frobenius_norm(R)},
      {"clip", ResidualTerm{2, ResidualMap::clip, M, U, V, scale}, 2 * 0.3 * R},
      {"sign_of_all", ResidualTerm{-1, ResidualMap::sign, M, {}, {}, {}}, -at::sign(exact(M))},
      {"frobenius_of_all", ResidualTerm{-1, ResidualMap::frobenius, M, {}, {}, {}}, -exact(M) / frobenius_norm(M)},
  };
}

/// A few roundings of W's own dtype.
double storage_tolerance(at::ScalarType dtype) {
  return dtype == at::kBFloat16 ? 0x1p-6 : dtype == at::kHalf ? 0x1p-9 : 20 * working_eps(dtype);
}

TEST(Direction, EveryTermIsItsFormula) {
  for (const auto dtype : {at::kDouble, at::kFloat})
    for (const auto& [name, term, exact] : term_cases(dtype)) {
      const auto D = to_dense({{term}}, at::empty({kRows, kCols}, dtype));
      EXPECT_EQ(D.scalar_type(), dtype);
      EXPECT_LE(relative_error(D, exact), 20 * working_eps(dtype)) << name;
    }
}

TEST(Direction, ApplyAddsEveryTermToDecayedWeights) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto working = dtype == at::kDouble ? at::kDouble : at::kFloat;
    for (const auto& [name, term, exact] : term_cases(working))
      for (const double decay : {1.0, 0.9, 0.0}) {
        auto W = random_normal(kRows, kCols, 84).to(dtype);
        const auto expected = decay * W.to(at::kDouble) + 0.7 * exact;
        apply_(W, {{term}}, 0.7, decay);
        EXPECT_EQ(W.scalar_type(), dtype);
        EXPECT_LE(relative_error(W, expected), storage_tolerance(dtype)) << name << " " << dtype << " " << decay;
      }
  }
}

TEST(Direction, SumsOfTermsAdd) {
  Direction all;
  auto sum = at::zeros({kRows, kCols}, at::kDouble);
  for (const auto& c : term_cases(at::kDouble)) {
    all += Direction{{c.term}};
    sum = sum + c.exact;
  }
  EXPECT_LE(relative_error(to_dense(all, sum), sum), 20 * working_eps(at::kDouble));
  all *= -3;
  EXPECT_LE(relative_error(to_dense(all, sum), -3 * sum), 20 * working_eps(at::kDouble));
}

TEST(Direction, EmptyDirectionOnlyDecays) {
  auto W = random_normal(kRows, kCols, 85);
  const auto before = W.clone();
  apply_(W, {}, 1);
  EXPECT_TRUE(same_bits(W, before));
  apply_(W, {}, 1, 0.5);
  EXPECT_TRUE(same_bits(W, before * 0.5));
}

TEST(Direction, AppliesToNonContiguousWeights) {
  for (const auto& [name, term, exact] : term_cases(at::kDouble)) {
    const auto larger = random_normal(2 * kCols, 2 * kRows, 86), before = larger.clone();
    auto W = larger.t().slice(0, 0, std::nullopt, 2).slice(1, 0, std::nullopt, 2);
    const auto expected = W.clone() + exact;
    apply_(W, {{term}}, 1);
    EXPECT_LE(relative_error(W, expected), 20 * working_eps(at::kDouble)) << name;
    const auto gaps = larger.slice(0, 1, std::nullopt, 2);
    EXPECT_TRUE(same_bits(gaps, before.slice(0, 1, std::nullopt, 2))) << "wrote beside the view";
  }
}

TEST(Direction, FactorsAreNeverWrittenTo) {
  for (const auto& c : term_cases(at::kDouble)) {
    auto W = random_normal(kRows, kCols, 87);
    apply_(W, {{c.term}}, 1, 0.5);
    EXPECT_LE(relative_error(to_dense({{c.term}}, W), c.exact), 20 * working_eps(at::kDouble)) << c.name;
  }
}

TEST(Direction, ZeroStaysZeroInEveryMap) {
  const auto zero = at::zeros({kRows, kCols}, at::kFloat);
  for (const auto map : {ResidualMap::sign, ResidualMap::row_norm, ResidualMap::frobenius})
    EXPECT_EQ(frobenius_norm(to_dense({{ResidualTerm{1, map, zero, {}, {}, {}}}}, zero)), 0) << name_of(map);
}

TEST(Direction, MapsOfTinyAndHugeMatricesStayExact) {
  for (const double size : {0x1p-100, 0x1p+100}) {  // 1e-30, 1e30
    const auto M = (random_normal(kRows, kCols, 88) * size).to(at::kFloat);
    for (const auto map : {ResidualMap::row_norm, ResidualMap::frobenius}) {
      const auto D = to_dense({{ResidualTerm{1, map, M, {}, {}, {}}}}, M);
      const auto same = to_dense({{ResidualTerm{1, map, M / size, {}, {}, {}}}}, M);
      EXPECT_LE(relative_error(D, same), 20 * working_eps(at::kFloat)) << name_of(map) << " " << size;
    }
  }
}

TEST(Direction, NamesOfMapsRoundTrip) {
  for (const auto map :
       {ResidualMap::sign, ResidualMap::row_norm, ResidualMap::col_norm, ResidualMap::frobenius, ResidualMap::clip})
    EXPECT_EQ(residual_map_from_name(name_of(map)), map);
  EXPECT_VALUE_ERROR(residual_map_from_name("cut"), "sign, row_norm, col_norm, frobenius, clip");
}

}  // namespace
}  // namespace fanion::norms
