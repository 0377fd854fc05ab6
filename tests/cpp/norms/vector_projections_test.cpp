#include "fanion/norms/vector_projections.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/tensor.h>

#include <random>

#include "certificates.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

std::vector<double> numbers(const at::Tensor& x) {
  const auto X = x.contiguous();
  return {X.data_ptr<double>(), X.data_ptr<double>() + X.numel()};
}

double sum_of_largest(std::vector<double> x, int64_t k) {
  std::sort(x.rbegin(), x.rend());
  return std::accumulate(x.begin(), x.begin() + k, 0.0);
}

/// max(Σx/k, max x).
double dual_of_sum_of_largest(const std::vector<double>& x, int64_t k) {
  return std::max(std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(k), sum_of_largest(x, 1));
}

/// Random spectra with what makes segments degenerate: ties, zeros, steps of exactly 1, any scale.
std::vector<at::Tensor> random_spectra() {
  std::vector<at::Tensor> all;
  std::mt19937_64 generator(401);
  const std::array scales = {1e-30, 0.01, 0.1, 0.3, 1.0, 1.5, 3.0, 40.0, 1e8, 1e30};
  for (const int kind : {0, 1, 2, 3})
    for (int repeat = 0; repeat < 100; ++repeat) {
      const auto size = std::uniform_int_distribution<int64_t>(1, 12)(generator);
      std::vector<double> s;
      for (int64_t i = 0; i < size; ++i) {
        const double uniform = std::uniform_real_distribution<double>(0, 1)(generator);
        s.push_back(kind == 0   ? uniform
                    : kind == 1 ? std::floor(4 * uniform) / 2  // ties, zeros, differences of 1/2 and 1
                    : kind == 2 ? 1
                                : std::pow(10.0, -12 * uniform));
      }
      std::sort(s.rbegin(), s.rend());
      all.push_back(at::tensor(s, at::kDouble) * (kind == 1 && repeat < 50 ? 1 : scales[repeat % scales.size()]));
    }
  return all;
}

/// x is the nearest point to s of a ball exactly if it lies in it and ⟨s − x, d⟩ ≤ ⟨s − x, x⟩ for every d of it:
/// the support of the ball at s − x is taken at x.
void expect_nearest(const at::Tensor& s, const at::Tensor& x, const std::function<double(std::vector<double>)>& gauge,
                    const std::function<double(std::vector<double>)>& support) {
  const double tol = 1e-14;  // 12 terms, a few roundings each
  ASSERT_EQ(x.sizes(), s.sizes());
  EXPECT_GE(x.min().item<double>(), 0);
  EXPECT_LE(gauge(numbers(x)), 1 + tol);
  const auto rest = s - x;
  EXPECT_GE(rest.min().item<double>(), 0) << "a projection onto a ball shortens every entry";
  EXPECT_LE(support(numbers(rest)) - frobenius_inner(rest, x), tol * support(numbers(rest)));
  if (gauge(numbers(s)) <= 1) {
    EXPECT_TRUE(at::equal(x, s)) << "a point of the ball stays";
  }
}

TEST(VectorProjections, AreNearestByTheSupportOfTheBall) {
  for (const auto& s : random_spectra()) {
    const int64_t size = s.numel();
    const auto text = c10::str(numbers(s));
    {
      SCOPED_TRACE("simplex " + text);
      expect_nearest(
          s, onto_simplex(s), [&](const auto& x) { return sum_of_largest(x, size); },
          [](const auto& x) { return sum_of_largest(x, 1); });
    }
    for (int64_t k = 1; k <= size; ++k) {
      SCOPED_TRACE(c10::str("k = ", k, " ", text));
      const auto of_largest = [k](const auto& x) { return sum_of_largest(x, k); };
      const auto of_dual = [k](const auto& x) { return dual_of_sum_of_largest(x, k); };
      expect_nearest(s, onto_capped_simplex(s, k), of_dual, of_largest);
      expect_nearest(s, onto_ky_fan_ball(s, k), of_largest, of_dual);
    }
  }
}

TEST(VectorProjections, EndsAreTheSimplexAndTheBox) {
  for (const auto& s : random_spectra()) {
    const auto simplex = onto_simplex(s), box = s.clamp_max(1);
    const double tol = 1e-15;  // the last places of numbers below 1
    EXPECT_LE(largest_entry(onto_capped_simplex(s, 1) - simplex), tol);
    EXPECT_TRUE(at::equal(onto_capped_simplex(s, s.numel()), box));
    EXPECT_LE(largest_entry(onto_ky_fan_ball(s, 1) - box), tol);
    EXPECT_TRUE(at::equal(onto_ky_fan_ball(s, s.numel()), simplex));
  }
}

TEST(VectorProjections, KnownPoints) {
  const auto expect_point = [](const at::Tensor& x, const std::vector<double>& exact) {
    const auto found = numbers(x);
    for (std::size_t i = 0; i < exact.size(); ++i) EXPECT_NEAR(found[i], exact[i], 1e-15) << i;
  };
  const auto s = at::tensor({4.0, 3.0, 2.0, 1.0}, at::kDouble), tied = at::tensor({2.0, 1.0, 1.0}, at::kDouble);
  expect_point(onto_simplex(s), {1, 0, 0, 0});
  expect_point(onto_simplex(s / 4), {7. / 12, 4. / 12, 1. / 12, 0});  // (1, .75, .5, .25) - 5/12
  expect_point(onto_capped_simplex(s, 3), {1, 1, 1, 0});
  expect_point(onto_capped_simplex(s / 2, 2), {1, 0.75, 0.25, 0});  // (2, 1.5, 1, .5) - 3/4
  expect_point(onto_ky_fan_ball(s, 2), {0.5, 0.5, 0.5, 0.5});
  for (const double scale : {1.0, 1e30})  // the face between e₁ and (1, 1, 1)/2, at the point nearest to it
    expect_point(onto_ky_fan_ball(tied * scale, 2), {2. / 3, 1. / 3, 1. / 3});
}

TEST(VectorProjections, SimplexTakesAnyOrder) {
  const auto s = random_normal(1, 200, 402)[0].abs();
  const auto [sorted, order] = at::sort(s, 0, /*descending=*/true);
  EXPECT_TRUE(same_bits(onto_simplex(s).index_select(0, order), onto_simplex(sorted)));
}

TEST(VectorProjections, LargestNumbers) {
  const auto s = at::tensor({1.5e308, 1.5e308, 1e308, 1e300}, at::kDouble);
  EXPECT_TRUE(at::equal(onto_simplex(s), at::tensor({0.5, 0.5, 0.0, 0.0}, at::kDouble)));
  EXPECT_TRUE(at::equal(onto_capped_simplex(s, 3), at::tensor({1.0, 1.0, 1.0, 0.0}, at::kDouble)));
  EXPECT_VALUE_ERROR(onto_ky_fan_ball(s, 3), "too large to project");
}

TEST(VectorProjections, ThousandsOfValues) {
  const auto s = std::get<0>(at::sort(random_normal(1, 3000, 403)[0].abs(), 0, /*descending=*/true));
  for (const int64_t k : {1, 40, 1500, 2999}) {
    const auto capped = onto_capped_simplex(3 * s, k), top = onto_ky_fan_ball(s, k);
    const double tol = 1e-13;  // sums of 3,000 terms
    EXPECT_LE(dual_of_sum_of_largest(numbers(capped), k), 1 + tol);
    EXPECT_LE(sum_of_largest(numbers(top), k), 1 + tol);
    const auto outside = 3 * s - capped, left = s - top;
    EXPECT_NEAR(sum_of_largest(numbers(outside), k), frobenius_inner(outside, capped),
                tol * sum_of_largest(numbers(outside), k));
    EXPECT_NEAR(dual_of_sum_of_largest(numbers(left), k), frobenius_inner(left, top),
                tol * dual_of_sum_of_largest(numbers(left), k));
  }
}

}  // namespace
}  // namespace fanion::norms
