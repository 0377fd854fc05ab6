#include "tasks/svd_table.h"

#include <cmath>
#include <cstdio>

#include "terminal/table.h"

namespace fanion::tasks {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string scientific(double x) {
  if (std::isnan(x)) return "-";
  if (std::isinf(x)) return "none";
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1e", x);
  return buffer.data();
}

std::string seconds_text(double s) { return terminal::fixed(s, s < 1 ? 4 : s < 100 ? 2 : 0); }

std::string time_of(const SvdRun& run, double limit) {
  if (run.status == "over the limit") return "> " + seconds_text(limit);
  if (run.status == "not started") return "~ " + seconds_text(run.predicted);
  return seconds_text(run.median());
}

std::string name_of_run(const SvdRun& run) {
  const std::string asked(linalg::name_of(run.asked));
  return run.asked == run.ran ? asked : c10::str(asked, " (", linalg::name_of(run.ran), ")");
}

std::string kind_of(const SvdRun& run, linalg::SvdCriterion criterion) {
  if (!run.finished()) return "-";
  return criterion == linalg::SvdCriterion::residual ? "measured" : std::string(linalg::name_of(run.bound_kind));
}

std::string run_table(const SvdStudy& study) {
  const auto& o = study.problem.options;
  Rows rows = {{"method", "k", "status", "error", "bound", "bound is", "products", "reads", "restarts", "seconds"}};
  for (const auto& run : study.runs) {
    const bool started = run.status != "not started";
    rows.push_back({name_of_run(run), c10::str(run.k), run.status,
                    scientific(error_of(run.errors, study.problem.criterion)),
                    run.finished() ? scientific(run.bound) : "-", kind_of(run, study.problem.criterion),
                    started ? c10::str(run.products) : "-", started ? c10::str(run.reads) : "-",
                    run.finished() ? c10::str(run.restarts) : "-", time_of(run, o.limit)});
  }
  return terminal::table(rows);
}

std::string peer_table(const nlohmann::json& peers, double tol) {
  Rows rows = {{"peer", "k", "status", "error", "seconds"}};
  for (const auto& [k, found] : peers.items()) {
    for (const auto& peer : found) {
      const auto& seconds = peer.at("seconds");
      const auto time = seconds.is_null() ? "-" : seconds_text(seconds.get<double>());
      std::string status = peer.at("status");
      if (status == "measured" && peer.at("error").is_number() && peer.at("error").get<double>() > tol)
        status = "over tol";
      rows.push_back({peer.at("name"), k, status,
                      peer.at("error").is_null() ? "-" : scientific(peer.at("error").get<double>()),
                      peer.at("least").get<bool>() ? "> " + time : time});
    }
  }
  return terminal::table(rows);
}

std::string table2(const SvdStudy& study, const nlohmann::json& peers) {
  const auto& ks = study.problem.options.k;
  Rows rows = {{"seconds", "from"}};
  for (const auto k : ks) rows.front().push_back(c10::str("k = ", k));
  for (const auto& line : paper_table2()) {
    std::vector<std::string> row = {line.at("method"), "the paper, its machine"};
    for (const auto k : ks) {
      const auto& seconds = line.at("seconds");
      const auto key = std::to_string(k);
      row.push_back(seconds.contains(key) ? c10::str(seconds.at(key).get<double>()) : "-");
    }
    rows.push_back(row);
  }
  for (const auto method : study.problem.methods) {
    std::vector<std::string> row = {"fanion " + std::string(linalg::name_of(method)), "here"};
    for (const auto k : ks)
      for (const auto& run : study.runs)
        if (run.asked == method && run.k == k)
          row.push_back(time_of(run, study.problem.options.limit) + (run.status == "exhausted" ? " !" : ""));
    rows.push_back(row);
  }
  if (!peers.empty()) {
    for (const auto& first : peers.begin().value()) {
      std::vector<std::string> row = {first.at("name"), "here, tuned"};
      for (const auto k : ks) {
        std::string cell = "-";
        for (const auto& peer : peers.at(std::to_string(k))) {
          if (peer.at("name") != first.at("name") || peer.at("seconds").is_null()) continue;
          cell = (peer.at("least").get<bool>() ? "> " : "") + seconds_text(peer.at("seconds").get<double>());
        }
        row.push_back(cell);
      }
      rows.push_back(row);
    }
  }
  return terminal::table(rows);
}

}  // namespace

nlohmann::json paper_table2() {
  return {{{"method", "Power Iterations"}, {"seconds", {{"1", 7.7}}}},
          {{"method", "SVDS (thick-restart Lanczos)"}, {"seconds", {{"1", 0.18}, {"10", 0.47}, {"100", 1.96}}}},
          {{"method", "PCA Low Rank (RSVD)"}, {"seconds", {{"1", 1.15}, {"10", 19.4}, {"100", 170}}}}};
}

std::string tables(const SvdStudy& study, const nlohmann::json& peers, const std::string& missing) {
  const auto& o = study.problem.options;
  const auto& A = study.problem.A;
  auto text = c10::str(A.size(0), " x ", A.size(1), " ", o.dtype, ", ", o.matrix.empty() ? o.spectrum : o.matrix, "; ",
                       o.criterion, " to ", o.tol, "\n\n", run_table(study));
  for (const auto& run : study.runs)
    if (run.status == "exhausted" || run.status == "not started")
      text += c10::str(linalg::name_of(run.asked), ", k = ", run.k, ": ", run.message, "\n");
  if (!peers.empty())
    text += c10::str("\nThe peers, each at its fastest settings that keep the error:\n", peer_table(peers, o.tol));
  if (study.problem.is_table2())
    text += c10::str("\nTable 2 of the paper (its machine is not named; SVDS is CuPy's) beside this machine:\n",
                     table2(study, peers));
  if (!missing.empty()) text += "\npeers: " + missing + "\n";
  return text;
}

}  // namespace fanion::tasks
