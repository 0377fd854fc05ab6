#include "fanion/linalg/random_start.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randn.h>

#include "fanion/kernels/gaussian_block.h"

namespace fanion::linalg {
namespace {

at::Generator generator_of(const SvdOptions& options) {
  return options.generator ? *options.generator : at::detail::createCPUGenerator(0);
}

bool takes_kernel(const at::Generator& generator, const at::TensorOptions& like) {
  return generator.device().is_cpu() && like.device().is_cpu() && like.dtype() == at::kFloat;
}

}  // namespace

at::Tensor random_block(int64_t rows, int64_t cols, const at::TensorOptions& like, const SvdOptions& options) {
  auto generator = generator_of(options);
  if (takes_kernel(generator, like)) return kernels::gaussian_block(rows, cols, std::move(generator));
  return at::randn({cols, rows}, generator, like.device(generator.device())).to(like.device()).t();
}

void add_random(const at::Tensor& X, double scale, const SvdOptions& options) {
  auto generator = generator_of(options);
  if (takes_kernel(generator, X.options()) && X.stride(0) == 1)
    return kernels::add_gaussian(X, static_cast<float>(scale), std::move(generator));
  X.add_(random_block(X.size(0), X.size(1), X.options(), options), scale);
}

at::Tensor resized_guess(const at::Tensor& guess, int64_t columns, const SvdOptions& options) {
  const int64_t missing = columns - guess.size(1);
  if (missing <= 0) return guess.narrow(1, 0, columns);
  return at::cat({guess, random_block(guess.size(0), missing, guess.options(), options)}, 1);
}

}  // namespace fanion::linalg
