#pragma once

#include <nlohmann/json.hpp>

#include "tasks/svd_study.h"

namespace fanion::tasks {

/// Every figure of a study, for results.json.
nlohmann::json figures(const SvdStudy& study);

}  // namespace fanion::tasks
