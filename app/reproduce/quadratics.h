#pragma once

#include "reproduce/reproduction.h"

namespace fanion::reproduce {

/// NuclearNorm §6.1: for each of five norms a quadratic with L = 1 in it (proved) and gradient noise of known variance;
/// how many steps the LMO of each norm, its rate and momentum tuned, takes to the accuracy ε in that norm's dual, and
/// what Lemma 7's schedule promises and takes. Medians over seeds; the matched method is marked with *.
void quadratics(const Request& request);

}  // namespace fanion::reproduce
