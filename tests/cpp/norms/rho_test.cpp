#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/col_norm.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/entry_sum.h"
#include "fanion/norms/f_star_rms.h"
#include "fanion/norms/f_star_sum.h"
#include "fanion/norms/frobenius.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/ky_fan_dual.h"
#include "fanion/norms/max_entry.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/rms_to_rms.h"
#include "fanion/norms/row_norm.h"
#include "fanion/norms/scaled_max_entry.h"
#include "fanion/norms/schatten.h"
#include "fanion/norms/spectral.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// ‖M‖† / (ρ‖M‖_F), which is 1 where the bound of NuclearNorm A3 is attained.
double tightness(const NormPtr& norm, const at::Tensor& M) {
  return norm->dual(M).item<double>() / (norm->rho(M.size(0), M.size(1)) * frobenius_norm(M));
}

at::Tensor flat_of_rank(int64_t k) { return with_spectrum(12, 9, std::vector<double>(k, 2.0), 66); }

TEST(Rho, IsTheLeastConstantOfEveryNorm) {
  const double tol = 1e-13;  // sums of a hundred float64 terms
  const auto ones = at::ones({12, 9}, at::kDouble);
  EXPECT_NEAR(tightness(frobenius(), random_normal(12, 9, 67)), 1, tol);
  EXPECT_NEAR(tightness(spectral(), flat_of_rank(9)), 1, tol);
  EXPECT_NEAR(tightness(rms_to_rms(), flat_of_rank(9)), 1, tol);
  EXPECT_NEAR(tightness(nuclear(), flat_of_rank(1)), 1, tol);
  for (const int64_t k : {1, 4, 9}) EXPECT_NEAR(tightness(ky_fan_dual(k), flat_of_rank(k)), 1, tol);
  for (const int64_t k : {1, 2, 3}) EXPECT_NEAR(tightness(ky_fan(k), flat_of_rank(9)), 1, tol);  // √9/k ≥ 1
  for (const int64_t k : {3, 4, 9}) EXPECT_NEAR(tightness(ky_fan(k), flat_of_rank(1)), 1, tol);
  for (const double p : {1.0, 1.5, 2.0}) EXPECT_NEAR(tightness(schatten(p), flat_of_rank(1)), 1, tol);
  for (const double p : {2.5, 4.0, 1e6}) EXPECT_NEAR(tightness(schatten(p), flat_of_rank(9)), 1, tol);
  EXPECT_NEAR(tightness(max_entry(), ones), 1, tol);
  EXPECT_NEAR(tightness(scaled_max_entry(), ones), 1, tol);
  EXPECT_NEAR(tightness(scaled_max_entry(4), ones), 1, tol);
  auto one_entry = at::zeros({12, 9}, at::kDouble);
  one_entry[4][5] = -3;
  EXPECT_NEAR(tightness(entry_sum(), one_entry), 1, tol);
  EXPECT_NEAR(tightness(row_norm(), ones), 1, tol);
  EXPECT_NEAR(tightness(col_norm(), ones), 1, tol);
  for (const auto& norm : {f_star_rms(), f_star_sum()}) EXPECT_NEAR(tightness(norm, flat_of_rank(1)), 1, tol);
  EXPECT_NEAR(tightness(dual_sum({{0.3, spectral()}, {0.7, frobenius()}}), flat_of_rank(9)), 1, tol);
  EXPECT_NEAR(tightness(dual_sum({{2, nuclear()}, {0.5, frobenius()}}), flat_of_rank(1)), 1, tol);
}

}  // namespace
}  // namespace fanion::norms
