// Trains a two-layer network for STEPS steps with one of the presets and AdamW on its bias, as
// tests/python/test_cpp_parity.py does in Python: `fanion_parity PRESET STEPS IN OUT [LOAD SAVE]`.
// IN holds float32 numbers in this order: X (64, 24), Y (64, 12), W1 (32, 24), b1 (32), W2 (12, 32); OUT the last
// three. LOAD, where it is no "-", is a file with the optimizer's state at the start, SAVE takes that at the end.

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/mse_loss.h>
#include <ATen/ops/relu.h>
#include <torch/serialize.h>

#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <string>

#include "fanion/optim/presets.h"

namespace {

using Make = std::function<fanion::optim::LmoSettings(const fanion::optim::LmoStepOptions&)>;

const std::map<std::string, Make>& presets() {
  namespace optim = fanion::optim;
  static const std::map<std::string, Make> table = {
      {"Muon", [](const auto& o) { return optim::muon(o); }},
      {"Neon", [](const auto& o) { return optim::neon(o); }},
      {"Fanion", [](const auto& o) { return optim::fanion(3, o); }},
      {"FMuon", [](const auto& o) { return optim::f_muon(o, 0.3); }},
      {"FNeon", [](const auto& o) { return optim::f_neon(o, 0.3); }},
      {"FFanion", [](const auto& o) { return optim::f_fanion(3, o, 1.2); }},
      {"DFanion", [](const auto& o) { return optim::d_fanion(3, o); }},
      {"Dion",
       [](const auto& o) {
         auto step = optim::kDionStep;
         step.lr = o.lr, step.momentum = o.momentum, step.weight_decay = o.weight_decay;
         return optim::dion(3, step);
       }},
      {"Cosmos",
       [](auto o) {
         o.adjust_lr_fn = fanion::norms::AdjustLrFn::match_rms_adamw, o.cosmos_rank = 3;
         return optim::cosmos(o);
       }},
      {"NSGD", [](const auto& o) { return optim::nsgd(o); }},
      {"Signum", [](const auto& o) { return optim::signum(o); }},
      {"SMuon", [](const auto& o) { return optim::s_muon(o, 0.3, 0.01); }},
      {"SFanion", [](const auto& o) { return optim::s_fanion(3, o, 0.3); }},
      {"SchattenDescent", [](const auto& o) { return optim::schatten_descent(3, o); }},
      {"SignSGD", [](const auto& o) { return optim::sign_sgd(o); }},
      {"GaussSouthwell", [](const auto& o) { return optim::gauss_southwell(o); }},
      {"SGD", [](const auto& o) { return optim::sgd(o); }},
      {"KernelNeon", [](const auto& o) { return optim::kernel_neon(o, 0.3); }},
      {"FStarNeon", [](const auto& o) { return optim::f_star_neon({}, o, 0.3); }},
  };
  return table;
}

at::Tensor read(std::ifstream& in, std::vector<int64_t> shape) {
  auto tensor = at::empty(shape, at::kFloat);
  in.read(reinterpret_cast<char*>(tensor.data_ptr<float>()), static_cast<std::streamsize>(tensor.nbytes()));
  TORCH_CHECK(in.good(), "the input is too short");
  return tensor;
}

}  // namespace

int main(int argc, char** argv) {
  TORCH_CHECK(argc == 5 || argc == 7, "usage: fanion_parity PRESET STEPS IN OUT [LOAD SAVE]");
  std::ifstream in(argv[3], std::ios::binary);
  const auto X = read(in, {64, 24}), Y = read(in, {64, 12});
  auto W1 = read(in, {32, 24}), b1 = read(in, {32}), W2 = read(in, {12, 32});
  for (auto* p : {&W1, &b1, &W2}) p->requires_grad_(true);

  const fanion::optim::LmoStepOptions step{.lr = 0.02, .momentum = 0.9, .weight_decay = 0.01};
  fanion::optim::LmoOptimizer optimizer({{.params = {W1, W2}, .settings = presets().at(argv[1])(step)},
                                         {.params = {b1}, .settings = fanion::optim::AdamWOptions{.lr = 0.01}}});
  if (argc == 7 && std::string(argv[5]) != "-") torch::load(optimizer, argv[5]);
  for (int i = 0; i < std::stoi(argv[2]); ++i) {
    optimizer.zero_grad();
    at::mse_loss(at::linear(at::relu(at::linear(X, W1, b1)), W2), Y).backward();
    optimizer.step();
  }
  if (argc == 7) torch::save(optimizer, argv[6]);
  std::ofstream out(argv[4], std::ios::binary);
  for (const auto* p : {&W1, &b1, &W2})
    out.write(reinterpret_cast<const char*>(p->const_data_ptr<float>()), static_cast<std::streamsize>(p->nbytes()));
  return out.good() ? 0 : 1;
}
