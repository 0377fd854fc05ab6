#pragma once

#include "tasks/svd_study.h"

namespace fanion::tasks {

/// Table 2 of KyFan, as it stands there: rows of {method, seconds: {k: …}}. Its machine is not named; SVDS is
/// CuPy's.
nlohmann::json paper_table2();

/// The study as text: a table for all runs, what was not measured and why, and for the problem of Table 2 its figures
/// beside these. `peers`: by k as text, see measure_peers; `missing`: why there are none, empty if there are.
std::string tables(const SvdStudy& study, const nlohmann::json& peers, const std::string& missing);

}  // namespace fanion::tasks
