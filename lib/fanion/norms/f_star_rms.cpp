#include "fanion/norms/f_star_rms.h"

#include <cmath>

#include "fanion/norms/thresholded_norm.h"

namespace fanion::norms {
namespace {

class FStarRms final : public ThresholdedNorm {
 public:
  explicit FStarRms(TripletOptions options) : ThresholdedNorm("f_star_rms", options) {}

 private:
  /// Σ_{i≤j}(σ_i − τ) = τ; a further σ raises τ as long as it is above it.
  double threshold(const std::vector<double>& sigma) const override {
    double tau = 0, sum = 0, count = 1;
    for (const double s : sigma) {
      if (s <= tau) break;
      sum += s;
      tau = sum / ++count;
    }
    return tau;
  }
  double size(double sum, double norm) const override { return std::hypot(sum, norm) / std::sqrt(2.0); }
  double dual_size(double tau, double, double norm) const override { return std::sqrt(2.0) * std::hypot(norm, tau); }
  /// z = d/(1 + μ) with θ = μΣz, so that Σz = Σd − θ.
  double projected_size(double theta, double sum, double norm) const override {
    return sum == 0 ? 0 : size(sum, norm) * std::max(sum - theta, 0.0) / sum;
  }
};

}  // namespace

NormPtr f_star_rms(TripletOptions triplets) { return std::make_shared<FStarRms>(triplets); }

}  // namespace fanion::norms
