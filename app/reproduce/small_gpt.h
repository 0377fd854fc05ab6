#pragma once

#include <memory>

#include "experiments/gpt/gpt_experiment.h"
#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// The GPT of fig-4, finetune and fig-ef, which trains in seconds on a core: 3 layers, d = 64, bytes of a text, 16
/// windows of 64 a step, one thread; the rate is flat for half of the steps, then falls linearly to 0.
std::shared_ptr<experiments::gpt::GptExperiment> small_gpt(const Request& request, int64_t steps);

/// The same in words, for records.
std::string small_gpt_text(const experiments::gpt::GptExperiment& experiment);

}  // namespace fanion::reproduce
