#include "fanion/norms/nearest_points.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/sort.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <numeric>

#include "fanion/host_numbers.h"
#include "fanion/norms/ky_fan.h"
#include "fanion/norms/singular.h"
#include "fanion/norms/vector_projections.h"

namespace fanion::norms {
namespace {

/// By the norm's own functions.
class OfAnyNorm final : public NearestPoints {
 public:
  OfAnyNorm(double weight, const MatrixNorm& norm, const at::Tensor& V) : weight_(weight), norm_(norm), V_(V) {}
  double value() const override { return norm_.value(V_).item<double>() / weight_; }
  double dual_of_rest(double t) const override { return weight_ * norm_.dual(V_ - point(t)).item<double>(); }
  at::Tensor point(double t) const override {
    return t > 0 ? norm_.project(V_ / (weight_ * t)) * (weight_ * t) : at::zeros_like(V_);
  }

 private:
  double weight_;
  const MatrixNorm& norm_;
  at::Tensor V_;
};

/// Of max(Σs/k, max s)/radius of the magnitudes s: every one of them is cut on its own.
class OfMagnitudes : public NearestPoints {
 public:
  double value() const final {
    return std::max(std::accumulate(s_.begin(), s_.end(), 0.0) / static_cast<double>(k_), s_.front()) / radius_;
  }
  double dual_of_rest(double t) const final {
    const auto x = cut(t);
    double sum = 0;  // of the k largest, which come first
    for (int64_t i = 0; i < k_; ++i) sum += s_[i] - x[i];
    return radius_ * sum;
  }

 protected:
  /// s descending; `radius`: of w·B.
  OfMagnitudes(const at::Tensor& s, int64_t k, double radius) : s_(to_doubles(s)), k_(k), radius_(radius) {}
  /// Those of P(t).
  std::vector<double> cut(double t) const {
    const double c = radius_ * t;
    if (!(c > 1e-300 * s_.front())) return std::vector<double>(s_.size(), 0);
    auto x = s_;
    for (auto& each : x) each /= c;
    x = onto_capped_simplex(x, k_);
    for (auto& each : x) each *= c;
    return x;
  }
  /// Those of V.
  const std::vector<double>& all() const { return s_; }

 private:
  std::vector<double> s_;
  int64_t k_;
  double radius_;
};

class OfSingularValues final : public OfMagnitudes {
 public:
  OfSingularValues(const AllTriplets& svd, const KyFanForm& form, double weight)
      : OfMagnitudes(svd.S, form.k, weight * form.radius), U_(svd.U), V_(svd.V) {}
  at::Tensor point(double t) const override { return at::matmul(U_ * to_tensor(cut(t), U_.options()), V_.t()); }

 private:
  at::Tensor U_, V_;
};

/// Of the sizes of V's entries, rows or columns, or of all of V: what it is cut into.
class OfSlices final : public OfMagnitudes {
 public:
  /// `sizes`: of a shape that spreads over V's.
  OfSlices(const at::Tensor& V, const at::Tensor& sizes, const KyFanForm& form, double weight)
      : OfSlices(V, sizes, at::sort(sizes.flatten(), /*dim=*/0, /*descending=*/true), form, weight) {}
  at::Tensor point(double t) const override {
    auto factors = cut(t);
    for (std::size_t i = 0; i < factors.size(); ++i) factors[i] = all()[i] > 0 ? factors[i] / all()[i] : 0;
    const auto sorted = to_tensor(factors, V_.options());
    return V_ * at::zeros_like(sorted).scatter_(0, order_, sorted).view(shape_);
  }

 private:
  OfSlices(const at::Tensor& V, const at::Tensor& sizes, const std::tuple<at::Tensor, at::Tensor>& sorted,
           const KyFanForm& form, double weight)
      : OfMagnitudes(std::get<0>(sorted), form.k, weight * form.radius),
        V_(V),
        order_(std::get<1>(sorted)),
        shape_(sizes.sizes().vec()) {}
  at::Tensor V_, order_;
  std::vector<int64_t> shape_;
};

/// Of the sum of the k largest singular values: V and what is left of it have the same vectors.
class OfLargestSingularValues final : public NearestPoints {
 public:
  OfLargestSingularValues(const AllTriplets& svd, int64_t k, double weight)
      : svd_(svd), k_(k), weight_(weight), value_(svd.S.narrow(0, 0, k).sum().item<double>() / weight) {}
  double value() const override { return value_; }
  double dual_of_rest(double t) const override {
    const auto rest = svd_.S - cut(t);
    return weight_ * std::max(rest.sum().item<double>() / static_cast<double>(k_), rest.max().item<double>());
  }
  at::Tensor point(double t) const override { return at::matmul(svd_.U * cut(t), svd_.V.t()); }

 private:
  at::Tensor cut(double t) const {
    const double c = weight_ * t;
    if (!(c > 1e-300 * value_)) return at::zeros_like(svd_.S);
    return onto_ky_fan_ball(svd_.S / c, k_) * c;
  }
  AllTriplets svd_;
  int64_t k_;
  double weight_, value_;
};

at::Tensor lengths_along(const at::Tensor& V, at::OptionalIntArrayRef dims) {
  return at::linalg_vector_norm(V, 2, dims, /*keepdim=*/true);
}

}  // namespace

std::unique_ptr<NearestPoints> nearest_points(double weight, const MatrixNorm& norm, const at::Tensor& V) {
  if (norm.name() == "frobenius")  // one magnitude
    return std::make_unique<OfSlices>(V, lengths_along(V, std::nullopt), KyFanForm{Magnitudes::entries, 1}, weight);
  if (const auto k = ky_fan_rank(norm, V.size(0), V.size(1)))
    return std::make_unique<OfLargestSingularValues>(all_triplets(V), *k, weight);
  const auto form = norm.ky_fan_form(V.size(0), V.size(1));
  if (!form) return std::make_unique<OfAnyNorm>(weight, norm, V);
  switch (form->of) {
    case Magnitudes::singular_values: return std::make_unique<OfSingularValues>(all_triplets(V), *form, weight);
    case Magnitudes::entries: return std::make_unique<OfSlices>(V, V.abs(), *form, weight);
    case Magnitudes::rows: return std::make_unique<OfSlices>(V, lengths_along(V, {{1}}), *form, weight);
    case Magnitudes::columns: return std::make_unique<OfSlices>(V, lengths_along(V, {{0}}), *form, weight);
  }
  TORCH_INTERNAL_ASSERT(false);
}

}  // namespace fanion::norms
