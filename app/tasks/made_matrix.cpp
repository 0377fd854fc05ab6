#include "tasks/made_matrix.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/pow.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "fanion/number_text.h"

namespace fanion::tasks {
namespace {

constexpr int64_t kMostEntries = 2'147'483'648;
constexpr int kReflections = 3;  // on each side: every entry then depends on every singular vector

/// X ← (I − 2wwᵀ) X.
void reflect(const at::Tensor& X, const at::Tensor& w) { X.addr_(w, at::matmul(w, X), 1, -2); }

}  // namespace

std::pair<int64_t, int64_t> parse_size(const std::string& text) {
  const auto cross = text.find('x');
  const std::string_view all = text;
  const auto rows = number_from_text<int64_t>(all.substr(0, cross));
  const auto cols = cross == std::string::npos ? rows : number_from_text<int64_t>(all.substr(cross + 1));
  const auto m = rows.value_or(0), n = cols.value_or(0);
  TORCH_CHECK_VALUE(m >= 1 && n >= 1, "--size ", text,
                    ": expected ROWSxCOLUMNS, as 5000x500, or one number for both, all at least 1");
  TORCH_CHECK_VALUE(m <= kMostEntries / n, "--size ", text, ": more than 2^31 entries");
  return {m, n};
}

Spectrum parse_spectrum(const std::string& text) {
  const auto colon = text.find(':');
  const auto family = text.substr(0, colon);
  const auto number =
      colon == std::string::npos ? std::nullopt : number_from_text<double>(std::string_view(text).substr(colon + 1));
  const double parameter = number.value_or(0);
  if (text == "gaussian" || text == "normal") return {Spectrum::Family::gaussian, 0};  // the latter as before
  if (family == "power" && number && parameter > 0) return {Spectrum::Family::power, parameter};
  if (family == "geometric" && number && parameter > 0 && parameter < 1)
    return {Spectrum::Family::geometric, parameter};
  TORCH_CHECK_VALUE(false, "unknown spectrum '", text,
                    "'; choose one of: gaussian, power:P with P > 0, geometric:Q with 0 < Q < 1");
}

MadeMatrix make_matrix(const Spectrum& spectrum, int64_t m, int64_t n, int64_t k, uint64_t seed) {
  auto generator = at::detail::createCPUGenerator(seed);
  if (spectrum.family == Spectrum::Family::gaussian) return {at::randn({m, n}, generator, at::kDouble), std::nullopt};
  const int64_t count = std::min(m, n);
  const auto index = at::arange(1, count + 1, at::kDouble);
  const auto sigma =
      spectrum.family == Spectrum::Family::power ? index.pow(-spectrum.parameter) : at::pow(spectrum.parameter, index);
  auto A = at::zeros({m, n}, at::kDouble);
  A.diagonal().copy_(sigma);
  auto U = at::eye(m, k, at::kDouble), V = at::eye(n, k, at::kDouble);
  for (int i = 0; i < kReflections; ++i) {
    auto left = at::randn({m}, generator, at::kDouble), right = at::randn({n}, generator, at::kDouble);
    left /= at::linalg_vector_norm(left);
    right /= at::linalg_vector_norm(right);
    reflect(A, left);
    reflect(U, left);
    reflect(A.t(), right);
    reflect(V, right);
  }
  return {A, ExactTriplets{U, sigma.narrow(0, 0, k).clone(), V}};
}

}  // namespace fanion::tasks
