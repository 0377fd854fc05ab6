#include "fanion/norms/f_star_sum.h"

#include <algorithm>
#include <cmath>

#include "fanion/norms/thresholded_norm.h"

namespace fanion::norms {
namespace {

class FStarSum final : public ThresholdedNorm {
 public:
  explicit FStarSum(TripletOptions options) : ThresholdedNorm("f_star_sum", options) {}

 private:
  /// Σ_{i≤j}(σ_i − τ)² = τ² for the last j with Σ_{i≤j}(σ_i − σ_j)² < σ_j². With a_i = σ_i − σ_j and τ = σ_j − δ:
  /// (j − 1)δ² + 2(Σa + σ_j)δ = σ_j² − Σa², where nothing cancels.
  double threshold(const std::vector<double>& sigma) const override {
    double sum = 0, norm = 0, count = 1;  // Σa, √(Σa²) and j
    if (sigma.front() == 0) return 0;
    for (std::size_t j = 1; j < sigma.size(); ++j, ++count) {
      const double gap = sigma[j - 1] - sigma[j], next = std::sqrt(norm * norm + (2 * sum + count * gap) * gap);
      if (next >= sigma[j]) break;
      norm = next;
      sum += count * gap;
    }
    const double least = sigma[static_cast<std::size_t>(count) - 1];
    const double missing = (least - norm) * (least + norm), slope = sum + least;
    return least - missing / (slope + std::sqrt(slope * slope + (count - 1) * missing));
  }
  double size(double sum, double norm) const override { return (sum + norm) / 2; }
  double dual_size(double tau, double, double) const override { return 2 * tau; }
  /// z = d·‖z‖/(‖z‖ + θ), so that ‖z‖ = ‖d‖ − θ.
  double projected_size(double theta, double sum, double norm) const override {
    return norm == 0 ? 0 : size(sum, norm) * std::max(norm - theta, 0.0) / norm;
  }
};

}  // namespace

NormPtr f_star_sum(TripletOptions triplets) { return std::make_shared<FStarSum>(triplets); }

}  // namespace fanion::norms
