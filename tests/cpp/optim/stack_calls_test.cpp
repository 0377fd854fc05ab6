// How many calls steps of stacks make, which is what an accelerator waits for.

#include <ATen/ops/randn_like.h>
#include <ATen/record_function.h>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/stacks.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

thread_local int64_t call_depth = 0;
thread_local std::vector<std::string> outermost_calls;

/// Notes the operators that are called directly, not those that operators call.
class CallCounter {
 public:
  CallCounter() {
    call_depth = 0, outermost_calls.clear();
    handle_ = at::addThreadLocalCallback(at::RecordFunctionCallback(
                                             [](const at::RecordFunction& f) -> std::unique_ptr<at::ObserverContext> {
                                               if (call_depth++ == 0) outermost_calls.emplace_back(f.name());
                                               return nullptr;
                                             },
                                             [](const at::RecordFunction&, at::ObserverContext*) { --call_depth; })
                                             .scopes({at::RecordScope::FUNCTION}));
  }
  ~CallCounter() { at::removeCallback(handle_); }
  CallCounter(const CallCounter&) = delete;
  CallCounter& operator=(const CallCounter&) = delete;

 private:
  at::CallbackHandle handle_ = 0;
};

/// The hidden matrices of some transformer blocks, their gradients, and a step of all.
struct Blocks {
  LmoSettings settings;
  std::vector<NamedState> states;
  std::vector<MatrixStep> steps;

  Blocks(const std::string& rule, int64_t blocks, const LmoStepOptions& options, const at::TensorOptions& like)
      : settings{norms::rule_from_name(rule), options} {
    constexpr int64_t d = 8;
    std::vector<at::Tensor> W;
    for (int64_t block = 0; block < blocks; ++block)
      for (const auto& [m, n] : std::vector<std::pair<int64_t, int64_t>>{{3 * d, d}, {d, d}, {4 * d, d}, {d, 4 * d}})
        W.push_back(random_normal(m, n, 441).to(like.dtype().toScalarType()).to(like.device()));
    states.reserve(W.size());
    for (const auto& w : W) {
      states.push_back(initial_state(w, settings));
      steps.push_back({w, at::randn_like(w), &states.back(), &settings, [] { return "it"; }});
    }
  }
  void step() const { step_matrices(steps, Stacks::everywhere); }
  std::vector<std::string> calls() const {
    step();
    const CallCounter counter;
    step();
    return outermost_calls;
  }
};

std::string in_words(const std::vector<std::string>& calls) {
  std::string text;
  for (const auto& call : calls) text += call + " ";
  return text;
}

constexpr int64_t kShapes = 4;

TEST(StackCalls, DoNotDependOnTheNumberOfMatrices) {
  for (const std::string rule : {"nsgd", "signum", "muon", "neon", "fanion:k=2", "d-fanion:k=2", "f-neon", "dion:k=2"})
    for (const auto& options : {LmoStepOptions{}, LmoStepOptions{.nesterov = false, .adapt = Adapt::neuron},
                                LmoStepOptions{.momentum_dtype = MomentumDtype::bfloat16, .normalize_weights = true},
                                LmoStepOptions{.weight_decay_method = WeightDecayMethod::cautious}}) {
      const auto one = Blocks(rule, 1, options, at::kFloat).calls(),
                 eight = Blocks(rule, 8, options, at::kFloat).calls();
      EXPECT_GT(one.size(), 0);
      EXPECT_LE(static_cast<double>(eight.size()), 1.1 * static_cast<double>(one.size())) << rule << in_words(eight);
    }
}

TEST(StackCalls, AreFewForEveryShape) {
  for (const auto& [rule, most] : std::vector<std::pair<std::string, std::size_t>>{
           {"neon:oversample=0", 40}, {"neon", 100}, {"muon", 60}, {"nsgd", 20}, {"signum", 15}, {"dion:k=1", 50}}) {
    const auto calls = Blocks(rule, 8, {}, at::kFloat).calls();
    EXPECT_LE(calls.size(), most * kShapes) << rule << ": " << in_words(calls);
  }
}

}  // namespace
}  // namespace fanion::optim
