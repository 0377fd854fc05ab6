#include "fanion/optim/step_options.h"

namespace fanion::optim {

void check_options(const LmoStepOptions& options) { check_ranges(options); }

}  // namespace fanion::optim
