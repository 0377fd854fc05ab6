#include "zoo.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

namespace fanion::testing {
namespace {

/// Rank 5 exactly, in every dtype: products of small integers are small integers.
at::Tensor integer_rank_5() {
  auto generator = at::detail::createCPUGenerator(21);
  const auto left = at::randint(-2, 3, {40, 5}, generator, at::kDouble);
  const auto right = at::randint(-2, 3, {5, 30}, generator, at::kDouble);
  return at::matmul(left, right);
}

std::vector<double> clustered_top() {
  std::vector<double> sigma = {1, 1 - 1e-6, 1 - 2e-6};
  for (const double s : geometric(25, 0.9, 0.5)) sigma.push_back(s);
  return sigma;
}

/// Every second column and row of a larger tensor: no stride is 1.
at::Tensor strided(const at::Tensor& A) {
  auto larger = at::zeros({2 * A.size(0), 2 * A.size(1)}, A.options());
  auto view = larger.slice(0, 0, std::nullopt, 2).slice(1, 0, std::nullopt, 2);
  view.copy_(A);
  return view;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Specimen& specimen) { return out << specimen.name; }

at::Tensor random_normal(int64_t m, int64_t n, uint64_t seed) {
  return at::randn({m, n}, at::detail::createCPUGenerator(seed), at::kDouble);
}

at::Tensor random_orthonormal(int64_t m, int64_t n, uint64_t seed) {
  if (m < n) return random_orthonormal(n, m, seed).t().contiguous();
  return std::get<0>(at::linalg_qr(random_normal(m, n, seed)));
}

at::Tensor with_spectrum(int64_t m, int64_t n, const std::vector<double>& sigma, uint64_t seed) {
  const auto k = static_cast<int64_t>(sigma.size());
  const auto U = random_orthonormal(m, k, 2 * seed), V = random_orthonormal(n, k, 2 * seed + 1);
  return at::matmul(U * at::tensor(sigma, at::kDouble), V.t());
}

std::vector<double> geometric(int64_t count, double ratio, double first) {
  std::vector<double> values;
  for (int64_t i = 0; i < count; ++i, first *= ratio) values.push_back(first);
  return values;
}

std::vector<Specimen> zoo(at::ScalarType dtype) {
  const std::string suffix = dtype == at::kDouble ? "_float64" : dtype == at::kFloat ? "_float32" : "_bfloat16";
  std::vector<Specimen> all;
  const auto add = [&](const char* name, const at::Tensor& A) { all.push_back({name + suffix, A.to(dtype)}); };
  add("zero", at::zeros({12, 9}, at::kDouble));
  add("identity_like", 3 * at::eye(20, 14, at::kDouble));
  add("rank_deficient", integer_rank_5());
  add("clustered_top", with_spectrum(45, 32, clustered_top(), 22));
  add("all_equal", 2 * random_orthonormal(40, 36, 23));
  add("graded", with_spectrum(40, 37, geometric(37, std::pow(10.0, -1.0 / 3)), 24));  // to 1e-12
  add("wide", random_normal(17, 70, 25));
  add("tall", random_normal(70, 26, 26));
  add("one_row", random_normal(1, 9, 27));
  add("one_column", random_normal(9, 1, 28));
  add("one_entry", at::full({1, 1}, -2.5, at::kDouble));
  add("random", random_normal(33, 33, 29));
  add("decaying", with_spectrum(50, 40, geometric(40, 0.9), 30));
  add("tiny", 1e-30 * with_spectrum(30, 24, geometric(24, 0.8), 31));
  add("huge", 1e30 * with_spectrum(24, 30, geometric(24, 0.8), 32));
  // Made in the dtype first: converting would make them contiguous.
  all.push_back({"transposed" + suffix, random_normal(25, 34, 33).to(dtype).t()});
  all.push_back({"strided" + suffix, strided(random_normal(28, 22, 34).to(dtype))});
  return all;
}

const std::vector<Specimen>& whole_zoo() {
  static const auto all = [] {
    std::vector<Specimen> list;
    for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16})
      for (auto& specimen : zoo(dtype)) list.push_back(std::move(specimen));
    return list;
  }();
  return all;
}

}  // namespace fanion::testing
