#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fanion::optim {

/// What steps on an accelerator found in their gradients, which the host reads once it is there: steps wait for
/// nothing, and a later call says what an earlier one found.
class NonfiniteLog {
 public:
  /// Notes flags (n,) of a step, on its device: copied to the host behind an event. `labels`: what entry i is called.
  /// Flags of `errors` make `poll` throw, and of `skips` are counted.
  struct Flags {
    at::Tensor bad;
    std::vector<std::function<std::string()>> labels;
  };
  void note(Flags errors, Flags skips);

  /// Reads what has arrived, or with `wait` everything; returns how many parameters were skipped in those steps. Throws
  /// a ValueError that names what had NaN or infinite entries in a step with `nonfinite` = error: that step changed
  /// nothing.
  int64_t poll(bool wait);

  /// Steps whose flags are not read yet.
  int64_t pending() const { return static_cast<int64_t>(pending_.size()); }

 private:
  struct Noted {
    Flags errors, skips;
    std::optional<c10::Event> copied;
    int64_t step;
  };
  std::deque<Noted> pending_;
  int64_t steps_ = 0, skipped_before_ = 0;
};

/// "a, b, c and 2 more".
std::string first_labels(const std::vector<std::string>& labels);

}  // namespace fanion::optim
