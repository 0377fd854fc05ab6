#include "fanion/linalg/polar/newton_schulz_choice.h"

#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/kernels/instruction_set.h"
#include "kernels/settings.h"
#include "oracle.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;
using kernels::instruction_sets;
using kernels::set_instruction_set;

constexpr auto kDirect = NewtonSchulzForm::direct, kGram = NewtonSchulzForm::gram;

TEST(NewtonSchulzChoice, IsTheTable) {
  const kernels::Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    const auto fast = kernels::multiplies_pairs() ? at::kBFloat16 : at::kFloat;
    const auto choice = [](int64_t m, int64_t n, at::ScalarType dtype, const NewtonSchulzOptions& options = {}) {
      const auto chosen = chosen_newton_schulz(at::zeros({m, n}, dtype), options);
      return std::pair(chosen.dtype, chosen.form);
    };
    using Choice = std::pair<std::optional<at::ScalarType>, NewtonSchulzForm>;
    for (const auto dtype : {at::kFloat, at::kBFloat16}) {
      EXPECT_EQ(choice(768, 768, dtype), Choice(fast, kDirect)) << set;
      EXPECT_EQ(choice(768, 3072, dtype), Choice(fast, kGram)) << set;
      EXPECT_EQ(choice(2304, 768, dtype), Choice(fast, kGram)) << set;
      EXPECT_EQ(choice(128, 4096, dtype), Choice(at::kFloat, kDirect)) << "small";
    }
    EXPECT_EQ(choice(768, 3072, at::kDouble), Choice(at::kDouble, kDirect));
    EXPECT_EQ(choice(768, 3072, at::kFloat, {.dtype = at::kFloat}), Choice(at::kFloat, kGram));
    EXPECT_EQ(choice(768, 3072, at::kFloat, {.form = kDirect}), Choice(fast, kDirect));
    EXPECT_EQ(choice(768, 768, at::kFloat, {.form = kGram}), Choice(fast, kGram));
  }
  EXPECT_FALSE((set_instruction_set("baseline"), kernels::multiplies_pairs()));
}

TEST(NewtonSchulzChoice, ArithmeticOfBothForms) {
  const std::vector<Quintic> five(5, {3.4445, -4.7750, 2.0315});
  // 100 × 100 is one tile: whole products, three a step directly; of 2, 2 and 1 steps 5, 5 and 1 and twice three runs'.
  EXPECT_EQ(newton_schulz_products(100, 400, kDirect, at::kFloat, five), 5 * (2 * 4 + 1));
  EXPECT_EQ(newton_schulz_products(100, 400, kGram, at::kBFloat16, five), 3 * 2 * 4 + 11);
  // Polynomials whose a² leaves bfloat16 no run of two steps.
  EXPECT_TRUE(std::isinf(newton_schulz_products(100, 400, kGram, at::kBFloat16, std::vector<Quintic>(5, {9, -4, 2}))));
}

TEST(NewtonSchulzChoice, BothFormsFlattenAlike) {
  for (const auto& [m, n] : {std::pair(300, 330), std::pair(300, 1200), std::pair(1200, 300)}) {
    const auto M = random_normal(m, n, 3).to(at::kFloat);
    const auto chosen = chosen_newton_schulz(M, {});
    const auto sigma = exact_singular_values(newton_schulz(M, chosen).to(at::kDouble));
    EXPECT_GE(sigma.back(), 0.6) << m << " x " << n;
    EXPECT_LE(sigma.front(), 1.25) << m << " x " << n;
  }
}

}  // namespace
}  // namespace fanion::linalg
