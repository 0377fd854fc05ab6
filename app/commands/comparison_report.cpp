#include "commands/comparison_report.h"

#include <iostream>

#include "experiments/registry.h"
#include "experiments/trained_task.h"
#include "record/atomic_file.h"
#include "record/plotting.h"
#include "record/run_folder.h"
#include "terminal/progress.h"
#include "terminal/table.h"

namespace fanion::commands {

void report_comparison(const std::filesystem::path& top, const std::vector<ComparedRun>& runs) {
  const auto quantities = experiments::experiment_of(record::RunFolder::open(runs.front().folder))->figure().quantities;
  std::vector<std::vector<std::string>> rows = {{"optimizer", "lr"}};
  for (const auto& quantity : quantities) rows.front().push_back(quantity.column);
  for (const auto* column : {"ms/step", "ms optimizer", "state bytes/param"}) rows.front().emplace_back(column);
  std::vector<std::filesystem::path> folders;
  const auto* best = &runs.front();
  for (const auto& run : runs) {
    const auto& r = run.result;
    const auto steps = static_cast<double>(r.progress.step);
    std::vector<std::string> row = {run.optimizer.label, c10::str(run.optimizer.lr)};
    for (const double value : r.quantities) row.push_back(terminal::loss_text(value));
    row.push_back(terminal::fixed(1000 * r.progress.seconds / steps, 1));
    row.push_back(terminal::fixed(1000 * r.progress.optimizer_seconds / steps, 1));
    row.push_back(terminal::fixed(r.state_bytes_per_parameter, 2));
    rows.push_back(std::move(row));
    folders.push_back(run.folder);
    if (r.quantities.front() < best->result.quantities.front()) best = &run;
  }
  const auto text = terminal::table(rows);
  record::write_atomically(top / "table.txt", text);
  std::cout << '\n' << text << '\n';
  const auto trained = experiments::trained_task(record::RunFolder::open(best->folder));
  if (const auto shown = trained.experiment->show(*trained.task); !shown.empty())
    std::cout << "A sample from " << best->optimizer.label << ":\n" << shown << "\n\n";
  record::plot_runs(folders, top / "compare.png");
  std::cout << "plot: " << (top / "compare.png").string() << "\nruns: " << top.string() << '\n';
}

}  // namespace fanion::commands
