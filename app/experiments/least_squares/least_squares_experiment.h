#pragma once

#include "experiments/experiment.h"
#include "fanion/theory/least_squares.h"

namespace fanion::experiments::least_squares {

struct LeastSquaresOptions {
  int64_t rows = 500;
  int64_t columns = 500;
  double start = 0.1;
  std::string basis;
};

/// F(X) = ½⟨X, A X B⟩ from X = start·N(0, 1), deterministic (KyFan eq. 17).
///
/// With `eigen`, in X̃ = QᵀXP for A = Q diag(a) Qᵀ, B = P diag(b) Pᵀ: the gradient is then a bᵀ ⊙ X̃, values and singular
/// values are the same numbers, and a rule that is unitarily invariant makes the same steps. X is float32; what a
/// validation tells is computed in float64.
class LeastSquaresTask : public Task {
 public:
  LeastSquaresTask(const LeastSquaresOptions& options, int64_t seed, at::Device device);

  const std::vector<Parameter>& parameters() const override { return parameters_; }
  at::Tensor loss(const Draw& draw) override;
  /// In closed form: two products with n × n matrices, or none in the eigenbasis.
  double gradients(const Draw& draw) override;
  /// F, and ‖∇F‖ in the Frobenius, spectral and nuclear norms.
  std::vector<double> validate() override;

 private:
  at::Tensor gradient(const at::Tensor& X) const;

  at::Tensor A_, B_, weights_;  ///< A and B, or the weights a bᵀ
  std::vector<Parameter> parameters_;
};

/// Least squares of KyFan §4.1; figures 1 and 7 there.
class LeastSquaresExperiment : public Experiment {
 public:
  LeastSquaresExperiment();

  LeastSquaresOptions problem;

  std::unique_ptr<Task> task() const override;
  std::pair<std::string, double> work_per_step() const override { return {"it", 1}; }
  Figure figure() const override;

 protected:
  OptionTable own_options() override;
  void resolve_own() override;
  void check_own() const override;
  std::vector<std::pair<int64_t, int64_t>> matrix_shapes() const override;
};

}  // namespace fanion::experiments::least_squares
