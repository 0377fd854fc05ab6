#include "fanion/optim/nonfinite_log.h"

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/step.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

/// Four matrices, two of one shape, and two vectors for AdamW, stepped by stacks as on an accelerator.
struct FlaggedSteps {
  std::vector<GroupSettings> groups;
  std::vector<StepEntry> entries;

  explicit FlaggedSteps(NonfinitePolicy policy, const std::string& rule = "f-neon",
                        NonfinitePolicy others = NonfinitePolicy::error)
      : groups{LmoSettings{norms::rule_from_name(rule), {.lr = 0.1, .nonfinite = policy, .adapt = Adapt::neuron}},
               AdamWOptions{.lr = 0.1, .nonfinite = others}} {
    const auto add = [&](const at::Tensor& p, std::size_t group, const std::string& name) {
      const auto g = random_normal(1, p.numel(), 451 + entries.size()).view(p.sizes()).to(at::kFloat);
      entries.push_back({p.to(at::kFloat), g, {}, group, entries.size(), name});
      entries.back().state = initial_state(entries.back().parameter, groups[group]);
    };
    for (uint64_t i = 0; i < 3; ++i) add(random_normal(8, 5, 461 + i), 0, c10::str("matrix", i));
    add(random_normal(5, 8, 464), 0, "wide");
    for (uint64_t i = 0; i < 2; ++i) add(random_normal(1, 7, 465 + i).view({7}), 1, c10::str("bias", i));
  }
  int64_t step(NonfiniteLog& log, const at::Tensor& found_inf = {}) {
    return step_(entries, groups, {.log = &log, .found_inf = found_inf, .stacks = Stacks::everywhere});
  }
  /// Everything that belongs to entry i.
  std::vector<at::Tensor> kept(std::size_t i) const {
    std::vector<at::Tensor> all = {entries[i].parameter.clone()};
    for (const auto& [kind, tensor] : entries[i].state) all.push_back(tensor.clone());
    return all;
  }
  std::vector<std::vector<at::Tensor>> all_kept() const {
    std::vector<std::vector<at::Tensor>> all;
    for (std::size_t i = 0; i < entries.size(); ++i) all.push_back(kept(i));
    return all;
  }
};

bool same_of(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = same_bits(a[i], b[i]);
  return same;
}

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

TEST(NonfiniteLog, AnErrorChangesNothingAndIsToldLater) {
  for (const std::string rule : {"f-neon", "muon", "d-fanion:k=2", "schatten:p=3"})
    for (const std::size_t bad : {1, 3, 5}) {
      SCOPED_TRACE(c10::str(rule, " ", bad));
      FlaggedSteps steps(NonfinitePolicy::error, rule);
      NonfiniteLog log;
      steps.step(log);
      const auto before = steps.all_kept();
      steps.entries[bad].grad.view({-1})[2] = kNotANumber;
      EXPECT_EQ(steps.step(log), 0);
      const auto after = steps.all_kept();
      for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_of(before[i], after[i])) << i;
      const auto message = message_of_value_error([&] { log.poll(false); });
      EXPECT_NE(message.find("the gradient of parameter '" + steps.entries[bad].name +
                             "' at step 2 of 2; that step changed nothing"),
                std::string::npos)
          << message;
      EXPECT_EQ(log.poll(true), 0);
    }
}

TEST(NonfiniteLog, SkippedParametersStayAndTheOthersGoOn) {
  FlaggedSteps steps(NonfinitePolicy::skip, "f-neon", NonfinitePolicy::skip), twin(NonfinitePolicy::ignore);
  NonfiniteLog log;
  for (auto* each : {&steps, &twin}) each->step(log);
  EXPECT_EQ(log.poll(true), 0);
  const auto before = steps.all_kept();
  steps.entries[1].grad.view({-1})[3] = kNotANumber;
  steps.entries[4].grad.view({-1})[0] = std::numeric_limits<double>::infinity();
  for (auto* each : {&steps, &twin}) each->step(log);
  for (const std::size_t i : {1, 4}) EXPECT_TRUE(same_of(steps.kept(i), before[i])) << i;
  for (const std::size_t i : {0, 2, 3, 5}) EXPECT_TRUE(same_of(steps.kept(i), twin.kept(i))) << i;
  EXPECT_EQ(log.pending(), 2);
  EXPECT_EQ(log.poll(true), 2);
  EXPECT_EQ(log.pending(), 0);
}

TEST(NonfiniteLog, AWarmStartWithNanIsAnError) {
  FlaggedSteps steps(NonfinitePolicy::skip);
  NonfiniteLog log;
  steps.entries[2].state[1].second[0][0] = kNotANumber;
  const auto before = steps.all_kept();
  steps.step(log);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(same_of({steps.kept(i)[0]}, {before[i][0]}), true) << i;
  EXPECT_VALUE_ERROR(log.poll(true), "the warm_start of parameter 'matrix2'");
}

TEST(NonfiniteLog, FlagsThatAreNotRaisedChangeNoBit) {
  for (const auto policy : {NonfinitePolicy::error, NonfinitePolicy::skip}) {
    FlaggedSteps steps(policy, "f-neon", policy), plain(NonfinitePolicy::ignore, "f-neon", NonfinitePolicy::ignore);
    NonfiniteLog log;
    for (int step = 0; step < 3; ++step) steps.step(log), plain.step(log);
    for (std::size_t i = 0; i < steps.entries.size(); ++i) EXPECT_TRUE(same_of(steps.kept(i), plain.kept(i))) << i;
    EXPECT_EQ(log.poll(true), 0);
  }
}

TEST(NonfiniteLog, WhatTheScalerHasFoundIsNoError) {
  for (const auto policy : {NonfinitePolicy::error, NonfinitePolicy::skip, NonfinitePolicy::ignore}) {
    FlaggedSteps steps(policy, "f-neon", policy), plain(policy, "f-neon", policy);
    NonfiniteLog log;
    const auto before = steps.all_kept();
    const auto good = steps.entries[0].grad.clone();
    steps.entries[0].grad.view({-1})[0] = kNotANumber;
    steps.step(log, at::ones({1}, at::kFloat));
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_of(steps.kept(i), before[i])) << i;
    steps.entries[0].grad.copy_(good);
    steps.step(log, at::zeros({1}, at::kFloat));
    plain.step(log);
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_of(steps.kept(i), plain.kept(i))) << i;
    EXPECT_EQ(log.poll(true), 0);
  }
}

TEST(NonfiniteLog, OnTheHostTheScalerStopsTheStep) {
  FlaggedSteps steps(NonfinitePolicy::error);
  const auto before = steps.all_kept();
  EXPECT_EQ(step_(steps.entries, steps.groups, {.found_inf = at::ones({1}, at::kFloat)}), 0);
  for (std::size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(same_of(steps.kept(i), before[i])) << i;
}

}  // namespace
}  // namespace fanion::optim
