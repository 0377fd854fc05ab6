#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// Means of ‖·‖_F, ‖·‖_nuc, ‖·‖_op and Ky Fan norms of n × n Gaussian matrices against n, with the ratios that the
/// bounds of NuclearNorm §5 rest on.
void norm_ratios(const Request& request);

}  // namespace fanion::reproduce
