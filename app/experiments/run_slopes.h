#pragma once

#include <nlohmann/json_fwd.hpp>

#include "experiments/trained_task.h"
#include "fanion/theory/generalized_smoothness.h"

namespace fanion::experiments {

/// The slopes along walks of `options.steps` LMO steps each (theory::slopes_along_walk) from halfway between a run's
/// first weights and its checkpoint's, on its first batches, and then from its checkpoint, on those that would come
/// after its last step: points with larger and with smaller gradients. `norms`: one for each matrix.
///
/// Not from the first weights: a head of zeros gives the matrices before it no gradient. These are made anew from the
/// run's options; throws if those that it began with (--init-from) are gone.
/// Cost: 4·steps·batches gradients and the memory of a second model.
theory::WalkSlopes slopes_of_run(const record::RunFolder& run, const TrainedTask& trained, int64_t seed,
                                 const std::vector<norms::NormPtr>& norms, const theory::WalkOptions& options);

/// {"points", "above", "largest_excess", "L0", "L1", "step", "slopes"}: the fit through the quantile, the step that it
/// gives where ‖∇f‖† is `gradient`, and the points as [gradient, slope]; numbers are null where there are none.
nlohmann::json generalized_figures(const std::vector<theory::SlopePoint>& slopes, double quantile, double gradient);

}  // namespace fanion::experiments
