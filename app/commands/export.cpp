#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "commands/command.h"
#include "record/run_folder.h"
#include "record/tensorboard.h"

namespace fanion::commands {
namespace {

/// Every number of a run's metrics, then those of its observers that are single numbers.
std::vector<record::Scalar> scalars_of(const record::RunFolder& run) {
  std::map<int64_t, double> seconds;
  for (const auto& line : run.timings()) seconds[line.at("step").get<int64_t>()] = line.value("seconds", 0.0);
  // Steps between validations have no time of their own; the last known one keeps events in order.
  const auto time_of = [&](int64_t step) {
    const auto after = seconds.upper_bound(step);
    return after == seconds.begin() ? 0.0 : std::prev(after)->second;
  };
  std::vector<record::Scalar> scalars;
  const auto add = [&](const std::string& tag, int64_t step, const nlohmann::json& value) {
    if (value.is_number()) scalars.push_back({tag, step, time_of(step), value.get<float>()});
  };
  for (const auto& line : run.metrics())
    for (const auto& [key, value] : line.items())
      if (key != "step") add(key == "loss" ? "training_loss" : key, line.at("step").get<int64_t>(), value);
  for (const auto& line : run.observations()) {
    const auto matrix = line.value("matrix", std::string());
    const auto all = line.value("seen", nlohmann::json::object());
    for (const auto& [of, seen] : all.items())
      if (seen.is_object())
        for (const auto& [key, value] : seen.items())
          add(c10::str(of, "_", key, "/", matrix), line.at("step").get<int64_t>(), value);
  }
  return scalars;
}

struct ExportCommand {
  explicit ExportCommand(CLI::App& command) {
    command.add_option("runs", runs, "run folders")->required();
    command.add_option("--out", out, "folder for TensorBoard, with one for each run")->capture_default_str();
  }

  void run() const {
    std::vector<record::RunFolder> folders;
    for (const auto& path : runs) folders.push_back(record::RunFolder::open(path));
    for (const auto& folder : folders) {
      auto name = std::filesystem::absolute(folder.path()).lexically_normal();
      if (!name.has_filename()) name = name.parent_path();
      const auto target = std::filesystem::path(out) / name.filename();
      record::create_folder(target);
      const auto scalars = scalars_of(folder);
      TORCH_CHECK_VALUE(!scalars.empty(), folder.path().string(), " holds no numbers of a training");
      record::write_events(target / "events.out.tfevents.0.fanion", scalars);
    }
    std::cout << "exported " << folders.size() << (folders.size() == 1 ? " run" : " runs") << "; tensorboard --logdir "
              << out << '\n';
  }

  std::vector<std::string> runs;
  std::string out = "tensorboard";
};

}  // namespace

void add_export(CLI::App& app) {
  auto* exported = app.add_subcommand("export", "write runs in other programs' formats");
  exported->require_subcommand(1);
  auto* tensorboard = exported->add_subcommand("tensorboard", "event files with every logged number");
  auto command = std::make_shared<ExportCommand>(*tensorboard);
  tensorboard->callback([command] { command->run(); });
}

}  // namespace fanion::commands
