#pragma once

#include <gtest/gtest.h>

#include "certificates.h"
#include "fanion/optim/lmo_optimizer.h"
#include "fanion/optim/presets.h"
#include "zoo.h"

namespace fanion::optim {

/// Two matrices under a rule with a warm start, a gain and a matrix under AdamW.
struct Model {
  std::vector<at::Tensor> hidden = {testing::random_normal(8, 6, 191), testing::random_normal(6, 9, 192)};
  std::vector<at::Tensor> rest = {testing::random_normal(1, 6, 193)[0], testing::random_normal(4, 4, 194)};

  std::vector<ParamGroup> groups(const LmoSettings& rule = f_neon({.lr = 0.02})) const {
    return {{.params = hidden, .settings = rule, .names = {"first", "second"}},
            {.params = rest, .settings = AdamWOptions{.lr = 3e-3}, .names = {"gain", "head"}}};
  }
  std::vector<at::Tensor> all() const { return {hidden[0], hidden[1], rest[0], rest[1]}; }
  std::vector<at::Tensor> copy() const {
    std::vector<at::Tensor> copies;
    for (const auto& p : all()) copies.push_back(p.clone());
    return copies;
  }
  void set_gradients(uint64_t seed) const {
    for (const auto& p : all()) p.mutable_grad() = testing::random_normal(1, p.numel(), seed++).view(p.sizes());
  }
};

inline std::vector<at::Tensor> copy_of_state(const LmoOptimizer& optimizer) {
  std::vector<at::Tensor> copies;
  for (const auto& [name, tensor] : optimizer.named_state()) copies.push_back(tensor.clone());
  return copies;
}

inline void expect_same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(testing::same_bits(a[i], b[i])) << i;
}

}  // namespace fanion::optim
