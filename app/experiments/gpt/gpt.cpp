#include "experiments/gpt/gpt.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/linspace.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/polar.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/view_as_complex.h>
#include <ATen/ops/view_as_real.h>
#include <ATen/ops/zeros.h>

#include <cmath>

namespace fanion::experiments::gpt {
namespace {

constexpr double kRotaryBase = 1024;    // track 3: (1/1024)^linspace(0, 1, head/4)
constexpr double kLogitCap = 15;        // track 3
constexpr double kInitVariance = 0.33;  // track 3: PyTorch's default for nn.Linear
/// Track 3 scales attention by 0.12 at head width 128; the same factor over √128 for other widths.
double attention_scale(int64_t head_width) { return 0.12 * std::sqrt(128.0 / static_cast<double>(head_width)); }

/// e^{iθ} for every position and pair of coordinates, (context, 1, head_width/2); the second half does not turn.
at::Tensor rotations(const GptSize& s, at::Device device) {
  const auto quarter = s.head_width / 4;
  const auto turning = at::pow(1 / kRotaryBase, at::linspace(0, 1, quarter, at::kFloat));
  const auto frequencies = at::zeros({s.head_width / 2}, at::kFloat);
  frequencies.narrow(0, 0, quarter).copy_(turning);
  const auto angles = at::outer(at::arange(s.context, at::kFloat), -frequencies);
  return at::polar(at::ones({}, at::kFloat).expand_as(angles), angles).unsqueeze(1).to(device);
}

at::Tensor rms_norm(const at::Tensor& x, const std::optional<at::Tensor>& gain = std::nullopt) {
  return at::rms_norm(x, {x.size(-1)}, gain ? std::optional(gain->to(x.scalar_type())) : std::nullopt);
}

at::Tensor through(const at::Tensor& x, const at::Tensor& weight) { return at::linear(x, weight.to(x.scalar_type())); }

}  // namespace

void check(const GptSize& s) {
  TORCH_CHECK_VALUE(s.vocabulary >= 2 && s.layers >= 1 && s.width >= 1 && s.head_width >= 1 && s.context >= 1,
                    "model sizes must be positive: vocabulary ", s.vocabulary, ", layers ", s.layers, ", width ",
                    s.width, ", head width ", s.head_width, ", context ", s.context);
  TORCH_CHECK_VALUE(s.head_width % 4 == 0, "head width ", s.head_width, " must be a multiple of 4");
  TORCH_CHECK_VALUE(s.width % s.head_width == 0, "width ", s.width, " must be a multiple of the head width ",
                    s.head_width);
}

std::vector<std::pair<int64_t, int64_t>> matrix_shapes(const GptSize& s) {
  return {{s.width, s.width}, {4 * s.width, s.width}, {s.width, 4 * s.width}};
}

Gpt::Gpt(const GptSize& size, at::Generator& generator, at::Device device, at::ScalarType dtype)
    : size_(size), dtype_(dtype) {
  check(size);
  const auto d = size.width;
  // Drawn on the CPU, so that a seed means the same model on every device.
  const auto normal = [&](int64_t out, int64_t in, double std) {
    return at::randn({out, in}, generator, at::kFloat).mul_(std).to(device);
  };
  const auto weight = [&](int64_t out, int64_t in) {
    return normal(out, in, std::sqrt(kInitVariance / static_cast<double>(in)));
  };
  const auto zero = [&](int64_t out, int64_t in) {
    return at::zeros({out, in}, at::TensorOptions(at::kFloat).device(device));
  };
  const auto gain = [&] { return at::ones({d}, at::TensorOptions(at::kFloat).device(device)); };

  embedding_ = add("embedding", Role::embedding, normal(size.vocabulary, d, 1));
  norm_in_ = add("norm_in", Role::gain, gain());
  for (int64_t i = 0; i < size.layers; ++i) {
    const auto prefix = c10::str("blocks.", i, ".");
    Block b;
    b.norm1 = add(prefix + "norm1", Role::gain, gain());
    b.q = add(prefix + "attention.q", Role::matrix, weight(d, d));
    b.k = add(prefix + "attention.k", Role::matrix, weight(d, d));
    b.v = add(prefix + "attention.v", Role::matrix, weight(d, d));
    b.attention_out = add(prefix + "attention.out", Role::matrix, zero(d, d));
    b.norm2 = add(prefix + "norm2", Role::gain, gain());
    b.up = add(prefix + "mlp.up", Role::matrix, weight(4 * d, d));
    b.down = add(prefix + "mlp.down", Role::matrix, zero(d, 4 * d));
    blocks_.push_back(std::move(b));
  }
  norm_out_ = add("norm_out", Role::gain, gain());
  head_ = add("head", Role::head, zero(size.vocabulary, d));
  rotation_ = rotations(size, device);
}

at::Tensor Gpt::add(std::string name, Role role, at::Tensor initial) {
  initial.requires_grad_(true);
  parameters_.push_back({std::move(name), role, initial});
  return initial;
}

at::Tensor Gpt::rotate(const at::Tensor& x) const {
  const auto pairs = at::view_as_complex(x.to(at::kFloat).unflatten(-1, {x.size(-1) / 2, 2}));
  return at::view_as_real(pairs * rotation_.narrow(0, 0, x.size(1))).flatten(-2).to(x.scalar_type());
}

at::Tensor Gpt::attention(const Block& block, const at::Tensor& x) const {
  const auto heads = [&](const at::Tensor& weight) { return through(x, weight).unflatten(-1, {-1, size_.head_width}); };
  const auto q = rotate(rms_norm(heads(block.q))), k = rotate(rms_norm(heads(block.k))), v = heads(block.v);
  const auto y = at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), {}, 0,
                                                  /*is_causal=*/true, attention_scale(size_.head_width));
  return through(y.transpose(1, 2).flatten(2), block.attention_out);
}

at::Tensor Gpt::logits(const at::Tensor& tokens) const {
  TORCH_CHECK_VALUE(tokens.dim() == 2 && tokens.size(1) <= size_.context, "tokens have shape ", tokens.sizes(),
                    "; expected (B, T) with T <= ", size_.context);
  auto x = rms_norm(at::embedding(embedding_, tokens).to(dtype_), norm_in_);
  for (const auto& block : blocks_) {
    x = x + attention(block, rms_norm(x, block.norm1));
    x = x + through(at::relu(through(rms_norm(x, block.norm2), block.up)).square(), block.down);
  }
  const auto z = through(rms_norm(x, norm_out_), head_).to(at::kFloat);
  return z * at::rsqrt(z.square() * (1 / (kLogitCap * kLogitCap)) + 1);
}

at::Tensor Gpt::loss(const at::Tensor& tokens, const at::Tensor& targets) const {
  return at::cross_entropy_loss(logits(tokens).flatten(0, 1), targets.flatten());
}

}  // namespace fanion::experiments::gpt
