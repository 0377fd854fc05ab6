#include "fanion/optim/step_options.h"

namespace fanion::optim {

void check_options(const LmoStepOptions& options) {
  check_ranges(options);
  TORCH_CHECK_VALUE(options.weight_decay <= 1 || options.weight_decay_method != WeightDecayMethod::independent,
                    "weight_decay = ", options.weight_decay,
                    " must be at most 1 with weight_decay_method = 'independent', which takes that share of W at every "
                    "step");
}

}  // namespace fanion::optim
