#include "fanion/linalg/polar_express.h"

#include "certificates.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

/// Every printed digit but the last few, which depend on the order of a solver's operations.
void expect_same(const std::vector<Quintic>& ours, const std::vector<Quintic>& published, double tolerance) {
  ASSERT_EQ(ours.size(), published.size());
  for (std::size_t t = 0; t < ours.size(); ++t)
    for (int i = 0; i < 3; ++i)
      EXPECT_NEAR(ours[t][i], published[t][i], tolerance * std::abs(published[t][i])) << "step " << t + 1;
}

TEST(PolarExpress, GivesThePapersList) {
  // arXiv 2505.16932, listing of the algorithm. Its seventh step was computed to about 1e-9 there.
  const std::vector<Quintic> published = {{8.28721201814563, -23.595886519098837, 17.300387312530933},
                                          {4.107059111542203, -2.9478499167379106, 0.5448431082926601},
                                          {3.9486908534822946, -2.908902115962949, 0.5518191394370137},
                                          {3.3184196573706015, -2.488488024314874, 0.51004894012372},
                                          {2.300652019954817, -1.6689039845747493, 0.4188073119525673},
                                          {1.891301407787398, -1.2679958271945868, 0.37680408948524835}};
  expect_same(polar_express_coefficients({.steps = 6}), published, 1e-13);
  const auto eight = polar_express_coefficients();
  expect_same({eight[6], eight[7]},
              {{1.8750014808534479, -1.2500016453999487, 0.3750001645474248}, {1.875, -1.25, 0.375}}, 1e-8);
}

TEST(PolarExpress, GivesTheListOfNvidia) {
  // NVIDIA-NeMo/Emerging-Optimizers, muon_utils.py at fd77292: four decimals, the first one cut and not rounded.
  const std::vector<Quintic> published = {
      {8.2051, -22.9019, 16.4607}, {4.0664, -2.8612, 0.5184}, {3.9096, -2.8234, 0.5250}, {3.2856, -2.4153, 0.4853},
      {2.2779, -1.6198, 0.3985},   {1.8726, -1.2307, 0.3585}, {1.8564, -1.2132, 0.3568}, {1.8750, -1.2500, 0.3750}};
  const auto ours = polar_express_coefficients({.steps = 8, .safety = 1.01});
  ASSERT_EQ(ours.size(), published.size());
  for (std::size_t t = 0; t < ours.size(); ++t)
    for (int i = 0; i < 3; ++i) EXPECT_NEAR(ours[t][i], published[t][i], 1e-4) << "step " << t + 1;
}

TEST(PolarExpress, GivesTheListOfModdedNanogpt) {
  // KellerJordan/modded-nanogpt, train_gpt.py at f411b3d; the same in microsoft/dion, polar_express.py at 0a059a4.
  const std::vector<Quintic> published = {{8.156554524902461, -22.48329292557795, 15.878769915207462},
                                          {4.042929935166739, -2.808917465908714, 0.5000178451051316},
                                          {3.8916678022926607, -2.772484153217685, 0.5060648178503393},
                                          {3.285753657755655, -2.3681294933425376, 0.46449024233003106},
                                          {2.3465413258596377, -1.7097828382687081, 0.42323551169305323}};
  expect_same(polar_express_coefficients({.steps = 5, .safety = 1.02, .track_safety = true, .cushion = 0.02}),
              published, 1e-13);
}

TEST(PolarExpress, EveryStepEquioscillates) {
  // Without cushion and safety a step is the minimax quintic: 1 − p is −E, E, −E, E at its extrema, in [l, u].
  for (const double lower : {1e-3, 0.02, 0.3, 0.9}) {
    double l = lower, u = 1;
    for (const auto& p : polar_express_coefficients({.lower = lower, .steps = 3, .cushion = 0})) {
      SCOPED_TRACE(l);
      const double root = std::sqrt(9 * p[1] * p[1] - 20 * p[0] * p[2]);
      const double q = std::sqrt((-3 * p[1] - root) / (10 * p[2])), r = std::sqrt((-3 * p[1] + root) / (10 * p[2]));
      EXPECT_LT(l, q);
      EXPECT_LT(q, r);
      EXPECT_LT(r, u);
      const double error = 1 - evaluate(p, l);
      EXPECT_NEAR(evaluate(p, q) - 1, error, 1e-13);
      EXPECT_NEAR(1 - evaluate(p, r), error, 1e-13);
      EXPECT_NEAR(evaluate(p, u) - 1, error, 1e-13);
      l = 1 - error, u = 1 + error;
      if (error < 1e-4) break;  // then l and u meet, and the Taylor quintic follows
    }
  }
}

TEST(PolarExpress, CushionKeepsTheFactorOfAStepAboveItsStatedMinimum) {
  double least = 1;
  for (const auto& p : polar_express_coefficients({.steps = 3}))
    for (double x = 1e-3; x <= 1; x += 1e-4) least = std::min(least, evaluate(p, x) / x);
  EXPECT_GE(least, 0.24);
  EXPECT_LE(least, 0.25);
}

TEST(PolarExpress, IsTheTaylorQuinticWhereNothingIsLeftToDo) {
  EXPECT_EQ(polar_express_coefficients({.lower = 1, .steps = 1}), (std::vector<Quintic>{{1.875, -1.25, 0.375}}));
}

TEST(PolarExpress, RefusesWhatItCannotDo) {
  EXPECT_VALUE_ERROR(polar_express_coefficients({.lower = 0}), "lower = 0 must lie in (0, 1]");
  EXPECT_VALUE_ERROR(polar_express_coefficients({.lower = 1.5}), "lower = 1.5");
  EXPECT_VALUE_ERROR(polar_express_coefficients({.steps = 0}), "steps = 0 must lie in 1 to 99");
  EXPECT_VALUE_ERROR(polar_express_coefficients({.safety = 0.99}), "safety = 0.99 must be at least 1");
  EXPECT_VALUE_ERROR(polar_express_coefficients({.cushion = 1}), "cushion = 1 must lie in [0, 1)");
  EXPECT_VALUE_ERROR(polar_express_coefficients({.lower = std::nan("")}), "lower = nan");
}

}  // namespace
}  // namespace fanion::linalg
