#pragma once

#include <nlohmann/json.hpp>

#include "tasks/svd_problem.h"

namespace fanion::tasks {

/// What stands in the way of measuring the peers with the benchmarks of `repository`, in one line; empty if nothing
/// does. Throws where that is no clone of the repository.
std::string why_no_peers(const SvdProblem& problem, const std::filesystem::path& repository);

/// Measures the peers at one k on the problem's matrix in float32, by `$FANION_PYTHON -m benchmarks.topk_svd.given` in
/// `repository`: each is tuned for at most `budget` seconds to the fastest settings that keep the error within tol,
/// then run `repeat` times. The matrix and its triplets go through .npy files under `folder`, which are removed
/// afterwards. An array of {name, status, seconds, error, settings, note}.
nlohmann::json measure_peers(const SvdProblem& problem, int64_t k, const ExactTriplets& exact,
                             const std::filesystem::path& repository, const std::filesystem::path& folder,
                             double budget);

}  // namespace fanion::tasks
