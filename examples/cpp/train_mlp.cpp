// Trains a small network with Muon on its hidden matrices and AdamW on the rest, in plain C++.

#include <fanion/optim/param_groups.h>
#include <fanion/optim/presets.h>
#include <torch/torch.h>

#include <iostream>

int main() {
  torch::manual_seed(0);
  torch::nn::Sequential model(torch::nn::Linear(16, 64), torch::nn::ReLU(), torch::nn::Linear(64, 64),
                              torch::nn::ReLU(), torch::nn::Linear(64, 1));
  const auto x = torch::randn({512, 16});
  const auto y = torch::sin(x.sum(1, /*keepdim=*/true));

  namespace optim = fanion::optim;
  optim::LmoOptimizer optimizer(
      optim::param_groups(*model, optim::muon({.lr = 0.02, .weight_decay = 0}), {.lr = 0.003}));
  for (int step = 0; step <= 200; ++step) {
    optimizer.zero_grad();
    const auto loss = torch::mse_loss(model->forward(x), y);
    loss.backward();
    optimizer.step();
    if (step % 50 == 0) std::cout << "step " << step << "  loss " << loss.item<float>() << '\n';
  }
}
