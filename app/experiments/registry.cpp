#include "experiments/registry.h"

#include "experiments/airbench/airbench_experiment.h"
#include "experiments/cnn/cnn_experiment.h"
#include "experiments/gpt/gpt_experiment.h"
#include "experiments/least_squares/least_squares_experiment.h"
#include "experiments/mlp/mlp_experiment.h"

namespace fanion::experiments {
namespace {

template <class Kind>
ExperimentPtr make() {
  return std::make_unique<Kind>();
}

}  // namespace

// clang-format off
const std::vector<MakeExperiment>& registry() {
  static const std::vector<MakeExperiment> all = {  // a line each
      make<gpt::GptExperiment>,
      make<least_squares::LeastSquaresExperiment>,
      mlp::experiment,
      cnn::experiment,
      make<airbench::AirbenchExperiment>,
  };
  return all;
}
// clang-format on

ExperimentPtr experiment_by_name(const std::string& name) {
  std::string known;
  for (const auto& make : registry()) {
    auto experiment = make();
    if (experiment->name() == name) return experiment;
    known.append(known.empty() ? "" : ", ").append(experiment->name());
  }
  TORCH_CHECK_VALUE(false, "unknown experiment '", name, "'; there are: ", known);
}

ExperimentPtr experiment_of(const record::RunFolder& run) {
  auto experiment = experiment_by_name(run.experiment());
  experiment->run.rule_defaults = run.rule_defaults();
  update_from_json(experiment->options(), run.options(), (run.path() / "config.json").string());
  return experiment;
}

}  // namespace fanion::experiments
