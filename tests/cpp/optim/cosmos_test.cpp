#include "fanion/optim/cosmos.h"

#include "certificates.h"
#include "fanion/optim/presets.h"
#include "fanion/optim/state.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

TEST(Cosmos, RefusesWhatItDoesNotStep) {
  const auto W = random_normal(6, 8, 1);
  const std::vector<int64_t> whole = {12, 8};
  EXPECT_VALUE_ERROR(state_kinds(W, cosmos({.cosmos_rank = 2}), whole), "whole on every process");
  EXPECT_EQ(state_kinds(W, cosmos({.cosmos_rank = 0}), whole).size(), 2);
  EXPECT_VALUE_ERROR(state_kinds(W, cosmos()), "cosmos_rank = 64 must be at most min(m, n) = 6");
  EXPECT_VALUE_ERROR(check_settings(cosmos({.cosmos_rank = 0.5})), "cosmos_rank = 0.5 must be a whole number");
}

/// Outside of a full basis nothing is left for the rule: the step is Adam's in it, of the length of the rule's.
TEST(Cosmos, OfFullRankIsAdamInTheBasis) {
  const auto g = random_normal(8, 5, 2);
  const LmoSettings settings = neon({.cosmos_rank = 5, .cosmos_gamma = 0.2});
  const auto state = initial_state(g, settings);
  const CosmosState of_cosmos{state[2].second, state[3].second, state[4].second, state[5].second, state[6].second};
  const auto number = [&](double x) { return at::scalar_tensor(x, g.options()); };
  const auto D = cosmos_direction(g, g, of_cosmos, {number(0), number(0.2), number(0.95), false, false, 1},
                                  [&](const at::Tensor& X) {
                                    EXPECT_LE(frobenius_norm(X), 1e-14 * frobenius_norm(g));
                                    return norms::Direction{{norms::DenseTerm{1, at::zeros_like(X)}}};
                                  });
  // After one step √V̂ is |gU|: the signs of gU, turned back, of Frobenius norm 1.
  const auto& U = of_cosmos.basis;
  const auto expected = at::matmul(at::matmul(g, U).sign(), U.mT()) / -std::sqrt(40.0);
  EXPECT_LE(relative_error(norms::to_dense(D, g), expected),
            1e-6);  // 1e-8 of the largest beside entries of gU down to 0.01
}

}  // namespace
}  // namespace fanion::optim
