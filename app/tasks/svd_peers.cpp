#include "tasks/svd_peers.h"

#include <nlohmann/json.hpp>

#include "data/json_text.h"
#include "data/npy.h"
#include "record/python_module.h"
#include "record/run_folder.h"

namespace fanion::tasks {
namespace {

constexpr const char* kModule = "benchmarks.topk_svd.given";
constexpr const char* kFile = "benchmarks/topk_svd/given.py";

/// A folder that goes with its contents.
struct Exchange {
  explicit Exchange(std::filesystem::path where) : path(std::move(where)) { record::create_folder(path); }
  ~Exchange() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  std::filesystem::path path;
};

}  // namespace

std::string why_no_peers(const SvdProblem& problem, const std::filesystem::path& repository) {
  TORCH_CHECK_VALUE(std::filesystem::is_regular_file(repository / kFile), "--peers ", repository.string(), ": has no ",
                    kFile, "; name the root of a clone of fanion's repository");
  if (problem.criterion == linalg::SvdCriterion::residual) return "they are tuned for rank_k and lmo_gap only";
  if (problem.options.dtype != "float32") return "they are measured in float32 only";
  if (record::run_module_in(repository, kModule, {"--available"}, /*quiet=*/true) != 0)
    return c10::str("'", record::python(), " -m ", kModule, "' does not start in ", repository.string(),
                    "; `make bench` installs them there");
  return "";
}

nlohmann::json measure_peers(const SvdProblem& problem, int64_t k, const ExactTriplets& exact,
                             const std::filesystem::path& repository, const std::filesystem::path& folder,
                             double budget) {
  const Exchange exchange(std::filesystem::absolute(folder) / "peers");
  data::write_npy(exchange.path / "A.npy", problem.A);
  data::write_npy(exchange.path / "U.npy", exact.U);
  data::write_npy(exchange.path / "S.npy", exact.S);
  data::write_npy(exchange.path / "V.npy", exact.V);
  const auto& o = problem.options;
  const int status =
      record::run_module_in(repository, kModule,
                            {exchange.path.string(), "--k", std::to_string(k), "--criterion", o.criterion, "--tol",
                             c10::str(o.tol), "--budget", c10::str(budget), "--rounds", std::to_string(o.repeat)});
  TORCH_CHECK(status == 0, "the peers were not measured: '", record::python(), " -m ", kModule,
              "' failed; without --peers it goes on");
  return data::read_json(exchange.path / "peers.json");
}

}  // namespace fanion::tasks
