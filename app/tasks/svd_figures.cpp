#include "tasks/svd_figures.h"

#include <ATen/Parallel.h>
#include <ATen/ops/linalg_vector_norm.h>

namespace fanion::tasks {

nlohmann::json figures(const SvdStudy& study) {
  auto runs = nlohmann::json::array(), curves = nlohmann::json::array();
  for (const auto& r : study.runs) {
    nlohmann::json run = {
        {"method", linalg::name_of(r.asked)},
        {"ran", linalg::name_of(r.ran)},
        {"k", r.k},
        {"status", r.status},
        {"seconds", r.seconds},
        {"median_seconds", r.median()},
        {"errors", {{"rank_k", r.errors.rank_k}, {"lmo_gap", r.errors.lmo_gap}, {"residual", r.errors.residual}}},
        {"bound", r.bound},
        {"bound_kind", linalg::name_of(r.bound_kind)},
        {"products", r.products},
        {"reads", r.reads},
        {"restarts", r.restarts},
        {"message", r.message}};
    if (r.status == "not started") run["predicted_seconds"] = r.predicted;
    runs.push_back(std::move(run));
  }
  for (const auto& c : study.curves) {
    auto points = nlohmann::json::array();
    for (const auto& p : c.points)
      points.push_back({{"passes", p.passes},
                        {"reads", p.reads},
                        {"products", p.products},
                        {"seconds", p.seconds},
                        {"error", p.error}});
    curves.push_back({{"method", linalg::name_of(c.method)}, {"k", c.k}, {"points", points}, {"end", c.end}});
  }
  const auto& A = study.problem.A;
  return {{"options", to_json(study.problem.options)},
          {"rows", A.size(0)},
          {"cols", A.size(1)},
          {"frobenius", at::linalg_vector_norm(study.problem.A_double).item<double>()},
          {"threads", at::get_num_threads()},
          {"references", study.references},
          {"runs", runs},
          {"curves", curves}};
}

}  // namespace fanion::tasks
