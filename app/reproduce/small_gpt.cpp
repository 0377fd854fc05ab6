#include "reproduce/small_gpt.h"

#include <algorithm>

namespace fanion::reproduce {

std::shared_ptr<experiments::gpt::GptExperiment> small_gpt(const Request& request, int64_t steps) {
  auto experiment = std::make_shared<experiments::gpt::GptExperiment>();
  experiment->gpt.layers = 3;
  experiment->gpt.width = 64;
  experiment->gpt.head_width = 16;
  experiment->gpt.context = 64;
  experiment->gpt.batch = 16;
  experiment->gpt.eval_batches = 20;
  experiment->gpt.data = request.data;
  auto& run = experiment->run;
  run.steps = steps;
  run.eval_every = std::max<int64_t>(1, run.steps / 5);
  run.checkpoint_every = std::max<int64_t>(1, run.steps / 2);
  run.threads = 1;
  run.device = request.device;
  return experiment;
}

std::string small_gpt_text(const experiments::gpt::GptExperiment& experiment) {
  const auto& gpt = experiment.gpt;
  return c10::str("A GPT of ", gpt.layers, " layers, d = ", gpt.width, ", on ", gpt.batch, " × ", gpt.context,
                  " bytes a step, ", experiment.run.steps, " steps, one thread; embedding, head and gains by AdamW");
}

}  // namespace fanion::reproduce
