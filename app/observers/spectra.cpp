#include "observers/spectra.h"

#include <ATen/ops/linalg_svdvals.h>

#include <nlohmann/json.hpp>

namespace fanion::observers {

nlohmann::json spectra_of(const ObservedMatrix& matrix) {
  auto seen = nlohmann::json::object();
  for (const auto& [name, tensor] : {std::pair("gradient", matrix.gradient), {"momentum", matrix.momentum}}) {
    if (!tensor.defined()) continue;
    // Written with float32's digits: 17 of them a number would make most of the file.
    const auto S = at::linalg_svdvals(tensor.to(at::kCPU, at::kDouble)).to(at::kFloat);
    seen[name] = std::vector<float>(S.const_data_ptr<float>(), S.const_data_ptr<float>() + S.numel());
  }
  return seen;
}

}  // namespace fanion::observers
