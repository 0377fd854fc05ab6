#include "fanion/linalg/coefficient_sets.h"

#include <c10/util/Exception.h>

#include <string>

#include "fanion/linalg/polar_express.h"
#include "fanion/names.h"

namespace fanion::linalg {
namespace {

constexpr Quintic kQuintic = {3.4445, -4.7750, 2.0315};
constexpr Quintic kCubicDamped = {2.0, -1.5, 0.5};

/// gram_newton_schulz/coefficients.py: five steps of a longer list, so that the fifth is divided too.
std::vector<Quintic> polar_express_105() {
  auto all = polar_express_coefficients({.steps = 6, .safety = 1.05});
  all.pop_back();
  return all;
}

/// DeepSeek-V4's report: eight steps that climb and two that converge.
std::vector<Quintic> deepseek_v4() {
  std::vector<Quintic> all(8, kQuintic);
  all.insert(all.end(), 2, kCubicDamped);
  return all;
}

std::vector<CoefficientSet> all_sets() {
  // "NVIDIA" is NVIDIA-NeMo/Emerging-Optimizers, muon_utils.py, at fd77292.
  return {
      {.name = "quintic",
       .source = "torch.optim.Muon 2.13 and KellerJordan/Muon: steepest at zero",
       .coefficients = {kQuintic},
       .steps = 5,
       .from = 1.6e-3,
       .to = 1,
       .low = 0.68,
       .high = 1.21},
      {.name = "cubic-damped",
       .source = "modded-nanogpt, track 3: converges to 1",
       .coefficients = {kCubicDamped},
       .steps = 12,
       .from = 1e-3,
       .to = 1,
       .low = 1 - 1e-5,
       .high = 1.002},
      {.name = "you",
       .source = "You Jiacheng 2025 (x.com/YouJiacheng/status/1905861218138804534); dion; NVIDIA \"quintic\"",
       .coefficients = {{4.0848, -6.8946, 2.9270},
                        {3.9505, -6.3029, 2.6377},
                        {3.7418, -5.5913, 2.3037},
                        {2.8769, -3.1427, 1.2046},
                        {2.8366, -3.0525, 1.2012}},
       .steps = 5,
       .from = 3e-3,
       .to = 1,
       .low = 0.977,
       .high = 1.146},
      {.name = "polar-express",
       .source = "Amsel et al. 2025 (arXiv 2505.16932), safety 1.01; NVIDIA \"polar_express\"",
       .coefficients = polar_express_coefficients({.steps = 8, .safety = 1.01}),
       .steps = 8,
       .from = 1e-3,
       .to = 1,
       .low = 1 - 1e-12,
       .high = 1 + 1e-12},
      {.name = "polar-express-1.02",
       .source = "modded-nanogpt, train_gpt.py; microsoft/dion: safety 1.02, cushion 0.02",
       .coefficients = polar_express_coefficients({.steps = 5, .safety = 1.02, .track_safety = true, .cushion = 0.02}),
       .steps = 5,
       .from = 1e-3,
       .to = 1,
       .low = 0.858,
       .high = 1.142},
      {.name = "polar-express-1.05",
       .source = "Dao-AILab/gram-newton-schulz: safety 1.05",
       .coefficients = polar_express_105(),
       .steps = 5,
       .from = 1e-3,
       .to = 1,
       .low = 0.729,
       .high = 1.124},
      {.name = "cans",
       .source = "Grishina, Smirnov & Rakhuba 2025 (arXiv 2506.10935); NVIDIA \"cans\"",
       .coefficients = {{8.4703, -25.1081, 18.6293},
                        {4.1828, -3.1087, 0.5806},
                        {3.9619, -2.9541, 0.5630},
                        {3.2866, -2.4647, 0.5074},
                        {2.2737, -1.6447, 0.4162}},
       .steps = 5,
       .from = 1e-3,
       .to = 1,
       .low = 0.884,
       .high = 1.12},
      {.name = "aol",
       .source = "thib-s/flash-newton-schulz; NVIDIA \"aol\"",
       .coefficients =
           {{4.0098, -7.0585, 2.4635}, {3.4585, -5.5479, 2.5959}, {2.7573, -3.2939, 1.4254}, {2.7215, -3.0494, 1.3169}},
       .steps = 4,
       .from = 0.012,
       .to = 0.85,
       .low = 0.962,
       .high = 1.085},
      {.name = "deepseek-v4",
       .source = "DeepSeek-V4 report; NVIDIA \"deepseekv4\"",
       .coefficients = deepseek_v4(),
       .steps = 10,
       .from = 3e-5,
       .to = 1,
       .low = 1 - 1e-12,
       .high = 1.0021},
      {.name = "cubic5",
       .source = "arXiv 2606.00371, for bfloat16; NVIDIA \"cubic5\"",
       .coefficients = {{3.3656576, -3.3420992, 0},
                        {2.5744352, -1.4957376, 0},
                        {2.5368962, -1.4312570, 0},
                        {2.4418906, -1.2764040, 0},
                        {2.2230472, -0.9630650, 0}},
       .steps = 5,
       .from = 7e-3,
       .to = 1,
       .low = 0.774,
       .high = 1.3},
      {.name = "cubic",
       .source = "Newton–Schulz; Higham, Functions of Matrices, eq. 8.20",
       .coefficients = {{1.5, -0.5, 0}},
       .steps = 21,
       .from = 1e-3,
       .to = 1,
       .low = 1 - 1e-8,
       .high = 1 + 1e-12},
      {.name = "classic-quintic",
       .source = "Kovarik 1970; Björck & Bowie 1971: the Taylor quintic at 1",
       .coefficients = {{15.0 / 8, -10.0 / 8, 3.0 / 8}},
       .steps = 14,
       .from = 1e-3,
       .to = 1,
       .low = 1 - 1e-12,
       .high = 1 + 1e-12},
  };
}

}  // namespace

const std::vector<CoefficientSet>& coefficient_sets() {
  static const auto sets = all_sets();
  return sets;
}

const CoefficientSet& coefficient_set(std::string_view name) {
  std::string choices;
  for (const auto& set : coefficient_sets()) {
    if (same_name(set.name, name)) return set;
    choices.append(choices.empty() ? "" : ", ").append(set.name);
  }
  TORCH_CHECK_VALUE(false, "unknown Newton–Schulz coefficients '", name, "'", did_you_mean(name, choices),
                    "; choose one of: ", choices);
}

std::vector<Quintic> first_steps(const CoefficientSet& set, int64_t steps) {
  const auto& all = set.coefficients;
  if (all.size() == 1) return all;
  const auto length = static_cast<int64_t>(all.size());
  TORCH_CHECK_VALUE(steps <= length, "'", set.name, "' has ", length, " steps, not ", steps,
                    "; take fewer, or give a list of your own");
  return {all.begin(), all.begin() + std::max<int64_t>(steps, 0)};
}

}  // namespace fanion::linalg
