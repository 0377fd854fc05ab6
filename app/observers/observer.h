#pragma once

#include <ATen/core/Tensor.h>

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace fanion::observers {

/// A matrix parameter just after a step: m × n views, on its device. What is not there is undefined.
struct ObservedMatrix {
  std::string name;
  at::Tensor weight, gradient, momentum;
};

/// What watches a run: of one matrix, what is written to observations.jsonl; empty: nothing. It changes nothing.
using Observer = nlohmann::json (*)(const ObservedMatrix& matrix);

/// An observer and how many steps lie between its looks.
struct Watch {
  std::string name;
  int64_t every = 1;
  Observer observe = nullptr;
};

/// "spectra@50,norms@10": each observer with the steps between its looks. Empty text: none. Throws naming all there
/// are.
std::vector<Watch> watches_from_text(const std::string& text);

}  // namespace fanion::observers
