#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "fanion/optim/held_matrices.h"
#include "fanion/optim/lmo_step.h"

namespace fanion::optim {

/// Steps of the matrices that parameters hold, each a step of its own on its part of the parameter and of the state.
///
/// Parts share storage with the parameter's tensors but for those of interleaved rows, which are copies until `keep`.
class PackedSteps {
 public:
  /// A step for every matrix that is here of a parameter; `whole` is that of the parameter.
  void add(const MatrixStep& whole);
  /// They stay where they are until this goes.
  const std::deque<MatrixStep>& steps() const { return steps_; }
  /// Writes copies back, after the steps.
  void keep() const;

 private:
  struct Part {
    HeldMatrix matrix;
    int64_t dimension;
    at::Tensor of, part;
  };
  const LmoSettings* settings_of_one(const LmoSettings* settings);
  at::Tensor rows_of(const HeldMatrix& matrix, const at::Tensor& of, int64_t dimension);

  std::deque<MatrixStep> steps_;
  std::deque<NamedState> states_;
  std::deque<distributed::Spread> spreads_;
  std::deque<std::pair<const LmoSettings*, LmoSettings>> settings_;
  std::vector<Part> parts_;
};

}  // namespace fanion::optim
