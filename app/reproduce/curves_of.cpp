#include "reproduce/curves_of.h"

#include <c10/util/Exception.h>

#include <cmath>
#include <map>

#include "record/run_folder.h"

namespace fanion::reproduce {
namespace {

Curve curve_of(const std::filesystem::path& folder, const std::string& label, const std::string& key, double per_step,
               bool against_time) {
  const auto run = record::RunFolder::open(folder);
  std::map<int64_t, double> seconds;
  if (against_time)
    for (const auto& line : run.timings()) seconds[line.at("step").get<int64_t>()] = line.at("seconds").get<double>();
  Curve curve{label, {}, {}};
  for (const auto& line : run.metrics()) {
    if (!line.contains(key)) continue;
    const auto step = line.at("step").get<int64_t>();
    curve.x.push_back(against_time ? seconds.at(step) : static_cast<double>(step) * per_step);
    curve.y.push_back(line.at(key).get<double>());
  }
  return curve;
}

}  // namespace

Curve by_step(const std::filesystem::path& run, const std::string& label, const std::string& key, double per_step) {
  return curve_of(run, label, key, per_step, false);
}

Curve by_time(const std::filesystem::path& run, const std::string& label, const std::string& key) {
  return curve_of(run, label, key, 1, true);
}

Curve mean_of(const std::vector<Curve>& curves) {
  Curve mean = curves.front();
  const auto count = static_cast<double>(curves.size());
  mean.spread.assign(mean.y.size(), 0);
  for (std::size_t i = 0; i < mean.y.size(); ++i) {
    double x = 0, sum = 0, squares = 0;
    for (const auto& curve : curves) {
      TORCH_INTERNAL_ASSERT(curve.y.size() == mean.y.size());
      x += curve.x[i];
      sum += curve.y[i];
    }
    for (const auto& curve : curves) squares += std::pow(curve.y[i] - sum / count, 2);
    mean.x[i] = x / count;
    mean.y[i] = sum / count;
    mean.spread[i] = count > 1 ? std::sqrt(squares / (count - 1)) : 0;
  }
  return mean;
}

}  // namespace fanion::reproduce
