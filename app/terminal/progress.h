#pragma once

#include <chrono>
#include <string>

#include "experiments/training_event.h"

namespace fanion::terminal {

/// Shows a training on standard error: one line that redraws itself on a terminal, plain lines (one a
/// validation) anywhere else.
class TrainingProgress {
 public:
  TrainingProgress(std::string label, std::size_t label_width);
  void operator()(const experiments::TrainingEvent& event);

 private:
  using Clock = std::chrono::steady_clock;
  std::string label_;
  bool terminal_;
  Clock::time_point start_;
  Clock::time_point drawn_;
  int64_t first_step_ = -1;
};

/// "2.3456", or "1.2e-05" where 4 decimals would hide it; "  -   " for NaN.
std::string loss_text(double loss);

/// 75 → "1:15"
std::string clock_text(double seconds);

}  // namespace fanion::terminal
