#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <string>
#include <utility>
#include <vector>

#include "experiments/parameter.h"

namespace fanion::experiments::gpt {

struct GptSize {
  int64_t vocabulary = 256;
  int64_t layers = 4;
  int64_t width = 128;      ///< d, a multiple of head_width
  int64_t head_width = 32;  ///< a multiple of 4 (half of the rotary pairs turn)
  int64_t context = 128;    ///< longest sequence
};

/// Throws if a size is not positive or the widths do not divide.
void check(const GptSize& size);

/// Shapes (out, in) of a block's matrices.
std::vector<std::pair<int64_t, int64_t>> matrix_shapes(const GptSize& size);

/// A decoder-only transformer: RMSNorm with gains, half-truncated rotary embeddings (base 1024), QK norm,
/// squared-ReLU MLP of width 4d, untied head, logits soft-capped at 15, no biases.
///
/// The model of modded-nanogpt's track 3 (`track_3_optimization`), less its biases. Output projections and
/// the head start at zero, the embedding at N(0, 1), the rest at N(0, 0.33/fan_in). Parameters are float32;
/// activations have the dtype given. Rotary pairs are neighbouring coordinates, which is the same model up to
/// a fixed permutation within each head.
class Gpt {
 public:
  /// Throws if a size is not positive or the widths do not divide.
  Gpt(const GptSize& size, at::Generator& generator, at::Device device, at::ScalarType dtype);

  /// Logits (B, T, vocabulary) in float32 for tokens (B, T) int64 with T ≤ context.
  at::Tensor logits(const at::Tensor& tokens) const;
  /// Mean cross-entropy in nats, a scalar.
  at::Tensor loss(const at::Tensor& tokens, const at::Tensor& targets) const;

  const std::vector<Parameter>& parameters() const { return parameters_; }
  const GptSize& size() const { return size_; }

 private:
  struct Block {
    at::Tensor norm1, q, k, v, attention_out, norm2, up, down;
  };
  at::Tensor add(std::string name, Role role, at::Tensor initial);
  at::Tensor attention(const Block& block, const at::Tensor& x) const;
  at::Tensor rotate(const at::Tensor& x) const;

  GptSize size_;
  at::ScalarType dtype_;
  at::Tensor embedding_, norm_in_, norm_out_, head_, rotation_;
  std::vector<Block> blocks_;
  std::vector<Parameter> parameters_;
};

}  // namespace fanion::experiments::gpt
