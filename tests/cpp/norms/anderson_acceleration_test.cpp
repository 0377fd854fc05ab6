#include "fanion/norms/gauge/anderson_acceleration.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/diag.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// A linear map of six dimensions has six residuals that are independent; a seventh is a combination of them.
TEST(AndersonAcceleration, EndsOnALinearMapWhereIterationCrawls) {
  const auto A = at::diag(at::linspace(0.5, 0.99, 6, at::kDouble)), b = random_normal(6, 1, 71);
  const auto map = [&](const at::Tensor& W) { return at::matmul(A, W) + b; };
  const auto fixed = b / (1 - A.diagonal().unsqueeze(1));
  AndersonAcceleration acceleration;
  auto W = at::zeros({6, 1}, at::kDouble), plain = W;
  for (int step = 0; step < 12; ++step) W = acceleration.next(W, map(W)), plain = map(plain);
  EXPECT_LE(relative_error(W, fixed), 1e-8);
  EXPECT_GT(relative_error(plain, fixed), 0.1) << "or there is nothing to accelerate";
}

TEST(AndersonAcceleration, GoesBackToTheBestStepWhereTheResidualDoubles) {
  AndersonAcceleration acceleration;
  const auto W = at::zeros({2, 2}, at::kDouble), one = at::ones({2, 2}, at::kDouble);
  EXPECT_TRUE(same_bits(acceleration.next(W, one), one));
  EXPECT_TRUE(same_bits(acceleration.next(one, 4 * one), one)) << "a residual of three times the first";
  acceleration.start_again();
  EXPECT_TRUE(same_bits(acceleration.next(one, 4 * one), 4 * one)) << "of another map there is no first";
}

}  // namespace
}  // namespace fanion::norms
