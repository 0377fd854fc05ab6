#include "fanion/optim/step_options.h"

namespace fanion::optim {

void check_options(const LmoStepOptions& options) {
  check_ranges(options);
  TORCH_CHECK_VALUE(options.weight_decay <= 1 || options.weight_decay_method != WeightDecayMethod::independent,
                    "weight_decay = ", options.weight_decay,
                    " must be at most 1 with weight_decay_method = 'independent', which takes that share of W at every "
                    "step");
  TORCH_CHECK_VALUE(options.num_heads <= 1 || options.split_sizes.empty(), "num_heads = ", options.num_heads,
                    " and split_sizes = ", option_table::text_of(options.split_sizes), ": give one of them");
  TORCH_CHECK_VALUE(!options.interleaved || !options.split_sizes.empty(),
                    "interleaved says how split_sizes go on, and there are none");
}

}  // namespace fanion::optim
