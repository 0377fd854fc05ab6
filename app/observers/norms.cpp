#include "observers/norms.h"

#include <ATen/ops/linalg_svdvals.h>

#include <nlohmann/json.hpp>

namespace fanion::observers {

nlohmann::json norms_of(const ObservedMatrix& matrix) {
  auto seen = nlohmann::json::object();
  for (const auto& [name, tensor] :
       {std::pair("weight", matrix.weight), {"gradient", matrix.gradient}, {"momentum", matrix.momentum}}) {
    if (!tensor.defined()) continue;
    const auto S = at::linalg_svdvals(tensor.to(at::kCPU, at::kDouble));
    const double frobenius = S.norm().item<double>(), spectral = S.max().item<double>();
    const double ratio = spectral > 0 ? frobenius / spectral : 0;
    seen[name] = {{"frobenius", frobenius},
                  {"spectral", spectral},
                  {"nuclear", S.sum().item<double>()},
                  {"stable_rank", ratio * ratio}};
  }
  return seen;
}

}  // namespace fanion::observers
