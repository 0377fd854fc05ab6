#pragma once

#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "tasks/svd_problem.h"

namespace fanion::tasks {

/// How a method did at one k.
struct SvdRun {
  linalg::SvdMethod asked, ran;
  int64_t k = 0;
  /// "converged", "exhausted", "over the limit", or "not started": predicted to take longer than the limit by a method
  /// that cannot be stopped.
  std::string status;
  std::vector<double> seconds;  ///< of each run; what is known to be exceeded, where over the limit
  double predicted = 0;         ///< seconds, where not started
  SvdErrors errors;             ///< the largest of the runs
  double bound = std::numeric_limits<double>::infinity();  ///< of the run with the largest error
  linalg::BoundKind bound_kind = linalg::BoundKind::none;
  int64_t products = 0, reads = 0, restarts = 0;  ///< of the last run
  std::string message;

  double median() const;
  bool finished() const { return status == "converged" || status == "exhausted"; }
};

/// The error after so many passes, and the median time.
struct CurvePoint {
  int64_t passes = 0, reads = 0, products = 0;
  double seconds = 0, error = 0;
};
struct ErrorCurve {
  linalg::SvdMethod method;
  int64_t k = 0;
  std::vector<CurvePoint> points;
  std::string end;  ///< why there are no more points
};

struct SvdStudy {
  SvdProblem problem;
  std::vector<SvdRun> runs;
  std::vector<ErrorCurve> curves;
  std::map<int64_t, ExactTriplets> exact;  ///< by k: what the errors were measured against
  nlohmann::json references = nlohmann::json::array();
};

/// Runs every method at every k, then the curves; `said` gets a line as each ends, `kept` is called after each k.
void run_study(SvdStudy& study, const std::function<void(const std::string&)>& said, const std::function<void()>& kept);

}  // namespace fanion::tasks
