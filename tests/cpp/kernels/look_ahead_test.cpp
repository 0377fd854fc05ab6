#include "fanion/kernels/look_ahead.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sign.h>

#include "certificates.h"
#include "fanion/kernels/dense_steps.h"
#include "kernels/settings.h"
#include "kernels/step_cases.h"
#include "zoo.h"

namespace fanion::kernels {
namespace {

using namespace fanion::testing;

struct Form {
  bool average, ahead;
};
const std::vector<Form> kForms = {{true, true}, {true, false}, {false, true}, {false, false}};

/// A momentum, its gradient, and by other kernels what they become: B after its update, and M.
struct LookAheadCase {
  LookAheadCase(int64_t m, int64_t n, const Form& form)
      : g(normal(m, n, 1)), before(normal(m, n, 2)), B(before.clone()) {
    after = before.clone();
    const auto ahead = momentum_(after, g, 0.9, form.average, form.ahead);
    formed = form.ahead ? ahead : after;
    of_B = {g, B, 0.9, form.average, form.ahead};
  }
  at::Tensor g, before, B, after, formed;
  LookAhead of_B;
};

template <class F>
void for_each_case(F&& f) {
  const Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const auto& [m, n] : kSizes)
      for (const auto& form : kForms) {
        SCOPED_TRACE(c10::str(set, " ", m, " x ", n, form.average ? " average" : " sum", form.ahead ? " ahead" : ""));
        LookAheadCase each(m, n, form);
        ASSERT_TRUE(takes_look_ahead(each.of_B));
        f(each);
      }
  }
}

TEST(LookAhead, FormedHasTheBitsOfMomentum) {
  for_each_case([](const LookAheadCase& c) {
    c.B.copy_(c.after);
    EXPECT_TRUE(same_bits(formed(c.of_B), c.formed));
    EXPECT_TRUE(same_bits(c.B, c.after));
  });
}

TEST(LookAhead, ProductsAreThoseOfTheMatrix) {
  for (const int64_t columns : {1, 2, 3, 5, 8, 11})
    for_each_case([&](const LookAheadCase& c) {
      const int64_t n = c.g.size(1);
      const auto V = normal(n, columns, 3);
      const auto M = exact(c.formed), Y = at::matmul(M, exact(V)), Z = at::matmul(M.t(), Y);
      const double scale = std::sqrt(static_cast<double>(c.g.numel()));
      for (const bool update : {true, false}) {  // the second time on the B that the first has left
        double squares = 0;
        const auto [y, z] = look_ahead_gram(c.of_B, update, V, &squares);
        EXPECT_TRUE(same_bits(c.B, c.after));
        EXPECT_LE(distance(y, Y), scale * kRoundings);
        EXPECT_LE(distance(z, Z), scale * kRoundings);
        EXPECT_NEAR(squares, M.square().sum().item<double>(), 1e-5 * squares);
        const auto [again, back] = look_ahead_gram(c.of_B, false, V);
        EXPECT_TRUE(same_bits(y, again) && same_bits(z, back)) << "with and without the norm";
      }
    });
}

TEST(LookAhead, FeedbackIsItsFormula) {
  const Settings settings;
  for (const auto& set : instruction_sets()) {
    set_instruction_set(set);
    for (const auto& [m, n] : kSizes)
      for (const auto& form : kForms) {
        SCOPED_TRACE(c10::str(set, " ", m, " x ", n, form.average ? " average" : " sum", form.ahead ? " ahead" : ""));
        const auto g = normal(m, n, 1), B = normal(m, n, 2), V = normal(n, 3, 3);
        const auto added = exact(g) * (form.average ? 0.1 : 1), after = exact(B) + added;
        const auto expected = form.ahead ? added + 0.9 * after : after;
        const LookAhead M{g, B, 0.9, form.average, form.ahead, /*feedback=*/true};
        double squares = 0;
        const auto Y = look_ahead_gram(M, true, V, &squares).first;
        EXPECT_LE(distance(B, after), kRoundings);
        EXPECT_LE(distance(formed(M), expected), kRoundings);
        EXPECT_LE(distance(Y, at::matmul(expected, exact(V))), std::sqrt(static_cast<double>(n)) * kRoundings);
        EXPECT_NEAR(squares, expected.square().sum().item<double>(), 1e-5 * squares);
      }
  }
}

TEST(LookAhead, NormIsThatOfTheMatrix) {
  for_each_case([](const LookAheadCase& c) {
    const double expected = exact(c.formed).square().sum().item<double>();
    for (const bool update : {true, false}) {
      EXPECT_NEAR(look_ahead_squares(c.of_B, update), expected, 1e-5 * expected);
      EXPECT_TRUE(same_bits(c.B, c.after));
    }
  });
}

TEST(LookAhead, StepIsItsFormula) {
  for (const int64_t k : {0, 1, 2, 3, 8})
    for (const bool sign : {false, true})
      for (const bool deflated : {false, true}) {
        if (deflated && (!sign || k == 0)) continue;
        for_each_case([&](LookAheadCase& c) {
          const int64_t m = c.g.size(0), n = c.g.size(1);
          const auto W = normal(m, n, 4);
          LookAheadTerms terms{.take = -0.3, .sign = sign};
          auto added = at::zeros({m, n}, at::kDouble), rest = exact(c.formed);
          if (k > 0) {
            terms.L = normal(m, k, 5);
            terms.V = normal(n, k, 6);
            added = at::matmul(exact(terms.L), exact(terms.V).t());
          }
          if (deflated) {
            terms.K = normal(m, k, 7);
            rest = rest - at::matmul(exact(terms.K), exact(terms.V).t());
          }
          const auto expected = 0.9 * exact(W) + added - 0.3 * (sign ? at::sign(rest) : rest);
          const auto told = sign ? rest.abs() > 1e-4 : rest == rest;  // rounding decides the others
          const auto again = W.clone();
          look_ahead_step_(W, c.of_B, true, 0.9, terms);
          EXPECT_TRUE(same_bits(c.B, c.after));
          const auto off = (exact(W) - expected).abs().masked_select(told);
          EXPECT_LE(off.numel() == 0 ? 0 : off.max().item<double>(), 40 * kRoundings) << k << sign << deflated;
          EXPECT_GE(told.to(at::kDouble).mean().item<double>(), 0.9);
          look_ahead_step_(again, c.of_B, false, 0.9, terms);
          EXPECT_TRUE(same_bits(again, W)) << "of a B that has its update";
        });
      }
}

TEST(LookAhead, KeepingItChangesNoBit) {
  for (const int64_t columns : {0, 1, 3, 8})
    for_each_case([&](const LookAheadCase& c) {
      const int64_t m = c.g.size(0), n = c.g.size(1);
      const auto B = c.before.clone(), V = normal(n, std::max<int64_t>(columns, 1), 13);
      auto keeps = c.of_B;
      keeps.B = B;
      keeps.kept = at::full({m, n}, std::numeric_limits<double>::quiet_NaN(), at::kFloat);
      double squares = 0, of_kept = 0;
      at::Tensor Y = normal(m, 1, 14), Z, kept_Y = Y, kept_Z;
      if (columns > 0) {
        std::tie(Y, Z) = look_ahead_gram(c.of_B, true, V, &squares);
        std::tie(kept_Y, kept_Z) = look_ahead_gram(keeps, true, V, &of_kept);
        EXPECT_TRUE(same_bits(kept_Z, Z) && same_bits(kept_Y, Y));
      } else {
        squares = look_ahead_squares(c.of_B, true);
        of_kept = look_ahead_squares(keeps, true);
      }
      EXPECT_EQ(squares, of_kept);
      EXPECT_TRUE(same_bits(keeps.kept, c.formed) && same_bits(B, c.after));
      for (const bool sign : {false, true}) {
        const auto W = normal(m, n, 15), of_kept_W = W.clone();
        LookAheadTerms terms{.L = Y, .V = V, .take = -0.2, .sign = sign};
        if (sign && columns > 1) terms.K = Y;
        look_ahead_step_(W, c.of_B, false, 0.9, terms);
        look_ahead_step_(of_kept_W, keeps, false, 0.9, terms);
        EXPECT_TRUE(same_bits(W, of_kept_W)) << columns << sign;
      }
    });
}

TEST(LookAhead, RoomIsForWhatTheLastCacheHolds) {
  EXPECT_EQ(room_in_last_cache(at::zeros({300, 200}, at::kFloat)).sizes(), (at::IntArrayRef{300, 200}));
  EXPECT_FALSE(room_in_last_cache(at::zeros({4096, 4096}, at::kFloat)).defined());
}

TEST(LookAhead, NumberOfThreadsChangesNoBit) {
  const Settings settings;
  std::vector<at::Tensor> first;
  for (const int threads : {1, 2, 3}) {
    at::set_num_threads(threads);
    LookAheadCase c(911, 433, {true, true});
    const auto W = normal(911, 433, 8), V = normal(433, 5, 9);
    double squares = 0;
    const auto [Y, Z] = look_ahead_gram(c.of_B, true, V, &squares);
    look_ahead_step_(W, c.of_B, false, 1, {.L = Y, .K = Y, .V = V, .take = 0.5, .sign = true});
    const std::vector<at::Tensor> all = {Y, Z, W, c.B, at::full({1}, squares, at::kDouble)};
    if (first.empty()) first = all;
    for (std::size_t i = 0; i < all.size(); ++i) EXPECT_TRUE(same_bits(all[i], first[i])) << threads << " " << i;
  }
}

TEST(LookAhead, TakesRowsWithoutGapsAlone) {
  const auto X = normal(30, 20, 10), wider = normal(30, 40, 11);
  const auto takes = [](const at::Tensor& g, const at::Tensor& B) { return takes_look_ahead({g, B, 0.9, true, true}); };
  EXPECT_TRUE(takes(X, X.clone()));
  EXPECT_FALSE(takes(X.t(), X.clone().t())) << "columns";
  EXPECT_FALSE(takes(wider.narrow(1, 0, 20), X)) << "gaps";
  EXPECT_FALSE(takes(X, exact(X))) << "another dtype";
  EXPECT_FALSE(takes(at::zeros({2, 1 << 20}), at::zeros({2, 1 << 20}))) << "rows longer than the cache";
}

TEST(LookAhead, AutogradIsToldOfWhatIsWritten) {
  LookAheadCase c(30, 20, {true, true});
  const auto W = normal(30, 20, 12);
  const auto told = [](const at::Tensor& X, const auto& write) {
    const auto before = X._version();
    write();
    return X._version() > before;
  };
  EXPECT_TRUE(told(c.B, [&] { look_ahead_squares(c.of_B, true); }));
  EXPECT_FALSE(told(c.B, [&] { look_ahead_squares(c.of_B, false); }));
  EXPECT_TRUE(told(W, [&] { look_ahead_step_(W, c.of_B, false, 1, {.take = 0.1, .sign = true}); }));
}

}  // namespace
}  // namespace fanion::kernels
