#include <ATen/Parallel.h>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "optim/stepping.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

class Threads {
 public:
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_ = at::get_num_threads();
};

struct Parameters {
  std::vector<at::Tensor> W, g, B, warm;
};
Parameters parameters(const std::vector<std::array<int64_t, 2>>& shapes, const norms::RulePtr& rule) {
  Parameters p;
  for (const auto& [m, n] : shapes) {
    const auto seed = 161 + 2 * p.W.size();
    p.W.push_back(random_normal(m, n, seed).to(at::kFloat));
    p.g.push_back(random_normal(m, n, seed + 1).to(at::kFloat));
    const auto state = initial_lmo_state(p.W.back(), rule);
    p.B.push_back(state.momentum_buffer), p.warm.push_back(state.warm_start);
  }
  return p;
}

const std::vector<std::array<int64_t, 2>> kSmall = {{9, 6}, {300, 200}, {1, 50}, {40, 40}, {6, 9}, {128, 512}, {70, 1}};

TEST(LmoStepThreads, NumberOfThreadsChangesNoBitOfSmallParameters) {
  const Threads threads;
  for (const std::string text : {"neon", "f-neon", "nsgd", "muon", "fanion:k=2", "d-fanion:k=1"}) {
    const auto rule = norms::rule_from_name(text);
    std::vector<std::array<int64_t, 2>> shapes;
    for (const auto& shape : kSmall)
      if (text.find("k=2") == std::string::npos || std::min(shape[0], shape[1]) >= 2) shapes.push_back(shape);
    std::optional<Parameters> first;
    for (const int count : {1, 2, 3}) {
      at::set_num_threads(count);
      auto p = parameters(shapes, rule);
      for (int step = 0; step < 3; ++step) lmo_step_(p.W, p.g, p.B, p.warm, rule, {});
      if (!first) first = p;
      for (std::size_t i = 0; i < p.W.size(); ++i) {
        if (text == "muon")  // MKL's products for AVX-512 of Intel do not promise it, not even from run to run
          EXPECT_LE(relative_error(p.W[i], first->W[i]), 1e-5) << i << " with " << count << " threads";
        else
          EXPECT_TRUE(same_bits(p.W[i], first->W[i])) << text << " " << i << " with " << count << " threads";
        EXPECT_TRUE(same_bits(p.B[i], first->B[i]) && same_bits(p.warm[i], first->warm[i])) << text << " " << i;
      }
    }
  }
}

TEST(LmoStepThreads, LargeParametersStepBesideSmallOnes) {
  const auto rule = norms::rule_from_name("nsgd");
  auto shapes = kSmall;
  shapes.insert(shapes.begin() + 2, {1700, 1800});
  auto p = parameters(shapes, rule), alone = parameters(shapes, rule);
  lmo_step_(p.W, p.g, p.B, p.warm, rule, {});
  for (std::size_t i = 0; i < p.W.size(); ++i) {
    lmo_step_(alone.W[i], alone.g[i], alone.B[i], alone.warm[i], rule, {});
    EXPECT_LE(relative_error(p.W[i], alone.W[i]), 1e-6) << i;
  }
}

/// Takes no matrix with five rows.
class NotFiveRows final : public norms::DirectionRule {
 public:
  std::string name() const override { return "not_five_rows"; }
  norms::Direction direction(const at::Tensor& M, at::Tensor*) const override {
    TORCH_CHECK_VALUE(M.size(0) != 5, "five rows are one too many");
    return {};
  }
  double nominal_frobenius(int64_t, int64_t) const override { return 1; }
};

TEST(LmoStepThreads, ErrorsOfARuleComeOutAsTheyAre) {
  const Threads threads;
  at::set_num_threads(2);
  const auto rule = std::make_shared<NotFiveRows>();
  auto p = parameters({{4, 3}, {5, 3}, {6, 3}, {7, 3}}, rule);
  EXPECT_VALUE_ERROR(lmo_step_(p.W, p.g, p.B, p.warm, rule, {}), "five rows are one too many");
  EXPECT_VALUE_ERROR(lmo_step_(p.W, p.g, p.B, p.warm, rule, {}), "in the step of parameter 1 of group 0");
}

}  // namespace
}  // namespace fanion::optim
