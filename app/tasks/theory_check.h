#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fanion/theory/schedule_trial.h"

namespace fanion::tasks {

/// The trials that `fanion theory --check` makes.
struct TheoryCheckOptions {
  std::vector<std::string> norms;  ///< empty: one of each kind
  int64_t rows = 12, columns = 8;
  double accuracy = 0.5;  ///< ε over ‖∇F(X₁)‖†, in (0, 1)
  double noise = 0.5;     ///< ρσ/ε, ≥ 0
  int64_t seeds = 4;      ///< trials a norm, whose average counts, ≥ 1
  int64_t seed = 0;       ///< of the problem; the trials' noise comes from the seeds after it
};

/// One norm's trial.
struct TheoryCheck {
  std::string norm;
  norms::QuadraticMaximum L;
  theory::ProblemConstants constants;
  theory::StepSizes sizes;
  double rho_used = 0;         ///< E‖N‖†/(ρ‖N‖_F) of Gaussian noise: 1 where (A3) costs nothing
  double mean = 0, least = 0;  ///< of ‖∇F(X_k)‖†, averaged over the seeds
  double first = 0;            ///< the first k with ‖∇F(X_k)‖† ≤ ε, averaged; NaN if a seed never got there

  bool holds() const { return mean <= constants.eps && least <= constants.eps; }
};

/// Lemma 7's schedule on random least squares (KyFan §4.1: X₁ ~ 0.1·N(0, I)) in every norm. `said` hears of each as it
/// begins. Throws before the first trial, naming what is wrong, if an option is out of range, a norm does not fit the
/// shape, or a trial would take over ten million steps.
std::vector<TheoryCheck> check_theory(const TheoryCheckOptions& options,
                                      const std::function<void(const std::string&)>& said);

/// A line for each norm: by how much the bound is loose.
std::string table_of(const std::vector<TheoryCheck>& checks);

}  // namespace fanion::tasks
