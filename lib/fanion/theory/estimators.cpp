#include "fanion/theory/estimators.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/randn.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace fanion::theory {
namespace {

using Tensors = std::vector<at::Tensor>;

Estimate estimate_of(const std::vector<double>& samples) {
  const auto count = static_cast<double>(samples.size());
  double mean = 0, squares = 0;
  for (const double x : samples) mean += x / count;
  for (const double x : samples) squares += (x - mean) * (x - mean);
  return {mean, std::sqrt(squares / (count - 1) / count)};
}

/// One move of some matrices: what it was and what it did to all gradients.
class Move {
 public:
  /// X with D added to the matrices in [first, last).
  Move(const Tensors& X, const Tensors& D, std::size_t first, std::size_t last)
      : X_(X), moved_(X), first_(first), last_(last) {
    for (std::size_t i = first; i < last; ++i) moved_[i] = X[i].detach() + D[i].to(X[i].scalar_type());
  }

  /// Σ‖Δg_i‖†/max‖D_i‖ over the moved matrices.
  double ratio(const BatchGradient& gradient, int64_t batches, const Tensors& g,
               const std::vector<norms::NormPtr>& norms) const {
    double size = 0, change = 0;
    for (std::size_t i = first_; i < last_; ++i)
      size = std::max(size, norms[i]->value(moved_[i].to(at::kDouble) - X_[i].detach().to(at::kDouble)).item<double>());
    if (size == 0) return std::numeric_limits<double>::quiet_NaN();
    const auto moved = mean_gradient(gradient, moved_, 0, batches);
    for (std::size_t i = first_; i < last_; ++i) change += norms[i]->dual(moved[i] - g[i]).item<double>();
    return change / size;
  }

 private:
  const Tensors& X_;
  Tensors moved_;
  std::size_t first_, last_;
};

}  // namespace

NoiseEstimate estimate_noise(const BatchGradient& gradient, const Tensors& X, int64_t batches) {
  TORCH_CHECK_VALUE(batches >= 4 && batches % 2 == 0, "batches = ", batches, " must be even and at least 4");
  std::vector<std::vector<double>> samples(X.size());
  std::vector<double> sums;
  Tensors mean;
  for (int64_t batch = 0; batch < batches; batch += 2) {
    const auto a = gradient_at(gradient, X, batch), b = gradient_at(gradient, X, batch + 1);
    sums.push_back(0);
    for (std::size_t i = 0; i < X.size(); ++i) {
      samples[i].push_back((a[i] - b[i]).square().sum().item<double>() / 2);
      sums.back() += samples[i].back();
      const auto part = (a[i] + b[i]) / static_cast<double>(batches);
      if (batch == 0)
        mean.push_back(part);
      else
        mean[i] = mean[i] + part;
    }
  }
  NoiseEstimate noise{{}, estimate_of(sums), std::move(mean)};
  for (const auto& of_matrix : samples) noise.matrices.push_back(estimate_of(of_matrix));
  return noise;
}

SmoothnessEstimate estimate_smoothness(const BatchGradient& gradient, const Tensors& X,
                                       const std::vector<norms::NormPtr>& norms, const LocalSmoothnessOptions& o,
                                       at::Generator generator) {
  TORCH_CHECK_VALUE(!X.empty() && norms.size() == X.size(), "estimate_smoothness got ", X.size(), " matrices and ",
                    norms.size(), " norms");
  TORCH_CHECK_VALUE(std::isfinite(o.step) && o.step > 0, "step = ", o.step, " must be finite and positive");
  TORCH_CHECK_VALUE(o.batches >= 1, "batches = ", o.batches, " must be at least 1");
  TORCH_CHECK_VALUE(o.random_directions >= 0, "random_directions = ", o.random_directions, " must not be negative");
  const auto g = mean_gradient(gradient, X, 0, o.batches);

  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  SmoothnessEstimate estimate{std::vector<LocalSmoothness>(X.size(), {kNone, kNone}), {kNone, kNone}};
  const auto try_directions = [&](const Tensors& D, double LocalSmoothness::* along) {
    const auto note = [&](LocalSmoothness& seen, std::size_t first, std::size_t last) {
      seen.*along = std::fmax(seen.*along, Move(X, D, first, last).ratio(gradient, o.batches, g, norms));
    };
    for (std::size_t i = 0; i < X.size(); ++i) note(estimate.matrices[i], i, i + 1);
    note(estimate.whole, 0, X.size());
  };

  Tensors D(X.size());
  for (std::size_t i = 0; i < X.size(); ++i) D[i] = to_dense(norms[i]->lmo(g[i]), g[i]) * o.step;
  try_directions(D, &LocalSmoothness::along_lmo);
  for (int64_t count = 0; count < o.random_directions; ++count) {
    for (std::size_t i = 0; i < X.size(); ++i) {
      const auto gaussian = at::randn(X[i].sizes(), generator, at::kDouble).to(X[i].device());
      D[i] = gaussian * (o.step / norms[i]->value(gaussian).item<double>());
    }
    try_directions(D, &LocalSmoothness::along_random);
  }
  return estimate;
}

double rho_of_product(const std::vector<norms::NormPtr>& norms, const Tensors& X) {
  double squares = 0;
  for (std::size_t i = 0; i < X.size(); ++i) squares += std::pow(norms[i]->rho(X[i].size(0), X[i].size(1)), 2);
  return std::sqrt(squares);
}

}  // namespace fanion::theory
