#include "fanion/optim/stochastic_rounding.h"
#include "fanion/threads.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/where.h>

#include <bit>

namespace fanion::optim {
namespace {

/// Multipliers of a hash of 32 bits with little bias (C. Wellons, "lowbias32"), after a Weyl sequence in both
/// arguments.
constexpr uint32_t kIndex = 0x9e3779b9, kStep = 0x85ebca6b, kFirst = 0x7feb352d, kSecond = 0x846ca68b;

uint32_t dice(uint32_t index, uint32_t step) {
  uint32_t x = index * kIndex + step * kStep;
  x = (x ^ (x >> 16U)) * kFirst;
  x = (x ^ (x >> 15U)) * kSecond;
  return (x ^ (x >> 16U)) & 0xffffU;
}

constexpr uint32_t kExponent = 0x7f800000;

uint16_t rounded(float entry, uint32_t thrown) {
  const auto bits = std::bit_cast<uint32_t>(entry), up = bits + thrown;
  return static_cast<uint16_t>(((up & kExponent) == kExponent ? bits : up) >> 16U);
}

}  // namespace

at::Tensor rounding_dice(int64_t count, const at::Tensor& step) {
  const auto low = [](const at::Tensor& x) { return x.bitwise_and(0xffffffffLL); };
  const auto index = at::arange(count, step.options().dtype(at::kLong));
  auto x = low(index * int64_t{kIndex} + step.to(at::kLong) * int64_t{kStep});
  x = low(x.bitwise_xor(x.bitwise_right_shift(16)) * int64_t{kFirst});
  x = low(x.bitwise_xor(x.bitwise_right_shift(15)) * int64_t{kSecond});
  return x.bitwise_xor(x.bitwise_right_shift(16)).bitwise_and(0xffff).to(at::kInt);
}

void round_stochastically_(const at::Tensor& narrow, const at::Tensor& wide, const at::Tensor& step) {
  TORCH_INTERNAL_ASSERT(narrow.scalar_type() == at::kBFloat16 && wide.scalar_type() == at::kFloat);
  if (narrow.device().is_cpu() && narrow.is_contiguous() && wide.is_contiguous()) {
    const auto count = static_cast<uint32_t>(step.item<double>());
    const auto* from = wide.const_data_ptr<float>();
    auto* to = reinterpret_cast<uint16_t*>(narrow.data_ptr<at::BFloat16>());
    at::parallel_for(0, wide.numel(), kThreadShare, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] = rounded(from[i], dice(static_cast<uint32_t>(i), count));
    });
    return;
  }
  narrow.copy_(stochastically_rounded(wide.unsqueeze(0), step.view({1, 1})).squeeze(0));
}

at::Tensor stochastically_rounded(const at::Tensor& wide, const at::Tensor& steps) {
  const auto bits = wide.contiguous().view(at::kInt);
  const auto up = bits + rounding_dice(wide.numel() / wide.size(0), steps).view(wide.sizes());
  const auto chosen = at::where(up.bitwise_and(int32_t{kExponent}) == int32_t{kExponent}, bits, up);
  return chosen.bitwise_and(-0x10000).view(at::kFloat).to(at::kBFloat16);
}

}  // namespace fanion::optim
