#include <ATen/Parallel.h>

#include <iostream>

#include "commands/command.h"
#include "fanion/linalg/cost_model.h"
#include "fanion/linalg/svd_calibration.h"
#include "fanion/linalg/svd_method_traits.h"
#include "record/atomic_file.h"
#include "record/machine.h"
#include "record/plotting.h"
#include "record/run_folder.h"
#include "tasks/svd_figures.h"
#include "tasks/svd_peers.h"
#include "tasks/svd_study.h"
#include "tasks/svd_table.h"

namespace fanion::commands {
namespace {

struct SvdCommand {
  explicit SvdCommand(CLI::App& command) {
    auto* file = command.add_option("--matrix", options.matrix, "NumPy .npy file of a matrix");
    command.add_option("--spectrum", options.spectrum, "of a made matrix: gaussian (entries), power:P, geometric:Q")
        ->capture_default_str()
        ->excludes(file);
    command.add_option("--size", options.size, "of a made matrix: ROWSxCOLUMNS, or one number for both")
        ->capture_default_str()
        ->excludes(file);
    command.add_option("--k", options.k, "how many triplets, several (default: 1 10 100)");
    command.add_option("--criterion", options.criterion, "rank_k, lmo_gap or residual")->capture_default_str();
    command.add_option("--tol", options.tol, "the error that is asked for")->capture_default_str();
    command.add_option(
        "--method", options.method,
        c10::str("several of ", linalg::svd_method_names(), " (default: all but block_krylov, which auto stands for)"));
    command.add_option("--dtype", options.dtype, "float32, float64 or bfloat16 (default: the file's, or float32)");
    command.add_option("--seed", options.seed, "of the matrix and of the methods' start")->capture_default_str();
    command
        .add_option(
            "--repeat", options.repeat,
            "runs of each method, unless one takes 10 s, and of a curve's points below 0.5 s; the median counts")
        ->capture_default_str();
    command.add_option("--limit", options.limit, "seconds after which a run is stopped and reported as slower")
        ->capture_default_str();
    command.add_flag("--plots,!--no-plots", plots, "measure and draw error against time and against passes (default)");
    command.add_option("--peers", peers,
                       "measure the Python peers too, by the benchmarks in this clone of fanion's repository, where "
                       "`make bench` has installed them");
    command
        .add_option("--peer-budget,--peer_budget", peer_budget,
                    "seconds of tuning for a peer and a k; a run that it has begun is finished")
        ->capture_default_str();
    command.add_flag("--calibrate", calibrate,
                     "measure what the choice of a method depends on and write it to --out (default: "
                     "$XDG_CONFIG_HOME/fanion/svd_costs.json); nothing else is run");
    command.add_option("--out", out, "folder of the results (default: runs/TIME-svd)");
  }

  /// Measures the costs and writes them where the next run finds them.
  void run_calibration() const {
    const auto file = out.empty() ? linalg::costs_file() : std::filesystem::path(out);
    TORCH_CHECK_VALUE(!file.empty(), "neither XDG_CONFIG_HOME nor HOME is set: --out FILE says where the costs go");
    TORCH_CHECK_VALUE(!std::filesystem::is_directory(file), "--out ", file.string(),
                      " is a folder; with --calibrate it names the JSON file to write");
    if (file.has_parent_path()) record::create_folder(file.parent_path());
    const auto costs = linalg::measure_costs([](const std::string& line) { std::cerr << line << '\n'; });
    auto json = nlohmann::json::parse(linalg::to_json(costs));
    json["machine"] = record::machine_facts();
    json["threads"] = at::get_num_threads();
    const auto text = json.dump(1) + "\n";
    record::write_atomically(file, text);
    std::cout << text << "costs: " << file.string()
              << (file == linalg::costs_file() ? "" : "\nused where FANION_SVD_COSTS names this file") << '\n';
  }

  void run() {
    if (calibrate) return run_calibration();
    TORCH_CHECK_VALUE(peer_budget > 0, "--peer-budget ", peer_budget, " must be positive: seconds");
    options.curves = plots;
    linalg::svd_costs();  // so that a damaged file of costs leaves no folder behind
    tasks::SvdStudy study{.problem = tasks::make_problem(options)};
    const auto missing =
        peers.empty() ? "not asked for (--peers REPOSITORY)" : tasks::why_no_peers(study.problem, peers);
    const auto path = out.empty() ? record::RunFolder::fresh_name("svd") : std::filesystem::path(out);
    record::RunFolder::create(path, tasks::to_json(study.problem.options));

    const auto say = [](const std::string& line) { std::cerr << line << '\n'; };
    auto measured_peers = nlohmann::json::object();
    const auto keep = [&] {
      auto results = tasks::figures(study);
      results["machine"] = record::machine_facts();
      results["peers"] = measured_peers;
      if (!missing.empty()) results["peers_missing"] = missing;
      if (study.problem.is_table2()) results["paper"] = tasks::paper_table2();
      record::write_atomically(path / "results.json", results.dump(1) + "\n");
    };
    tasks::run_study(study, say, keep);
    if (missing.empty()) {
      for (const auto k : study.problem.options.k) {
        measured_peers[std::to_string(k)] =
            tasks::measure_peers(study.problem, k, study.exact.at(k), peers, path, peer_budget);
        say(c10::str("k = ", k, ": peers tuned and measured"));
        keep();
      }
    }
    const auto text = tasks::tables(study, measured_peers, missing);
    record::write_atomically(path / "table.txt", text);
    std::cout << text << '\n';
    if (plots) {
      record::plot_svd(path);
      std::cout << "plots: " << (path / "error-time.png").string() << ", " << (path / "error-passes.png").string()
                << '\n';
    }
    std::cout << "results: " << (path / "results.json").string() << '\n';
  }

  tasks::SvdStudyOptions options;
  bool plots = true, calibrate = false;
  std::string peers;
  double peer_budget = 20;
  std::string out;
};

}  // namespace

void add_svd(CLI::App& app) {
  auto* svd = app.add_subcommand("svd", "compare the top-k SVD's methods on a matrix: error, bound, time");
  auto command = std::make_shared<SvdCommand>(*svd);
  svd->callback([command] { command->run(); });
}

}  // namespace fanion::commands
