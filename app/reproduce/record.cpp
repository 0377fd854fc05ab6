#include "reproduce/record.h"

#include <cmath>
#include <iostream>
#include <nlohmann/json.hpp>

#include "fanion/version.h"
#include "record/atomic_file.h"
#include "record/machine.h"
#include "record/run_folder.h"
#include "terminal/table.h"

namespace fanion::reproduce {
namespace {

/// A '|' of its own would end the cell.
std::string escaped(const std::string& text) {
  std::string cell;
  for (const char c : text) {
    if (c == '|') cell += '\\';
    cell += c;
  }
  return cell;
}

std::string markdown_table(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    text += '|';
    for (const auto& cell : rows[r]) text.append(" ").append(escaped(cell)).append(" |");
    text += '\n';
    if (r > 0) continue;
    text += '|';
    for (std::size_t c = 0; c < rows[r].size(); ++c) text += c == 0 ? "---|" : "---:|";
    text += '\n';
  }
  return text;
}

}  // namespace

std::string steps_text(double steps) { return std::isfinite(steps) ? terminal::fixed(steps, 0) : "never"; }

void write_record(const Request& request, const Record& record) {
  const auto& reproduction = reproduction_by_name(record.name);
  const auto machine = record::machine_facts();
  std::string text = "# " + record.name + ": " + reproduction.what + "\n\n";
  text += "Source: " + reproduction.source + ". Made by `fanion reproduce " + record.name +
          (request.quick ? " --quick" : "") + (request.data.empty() ? "" : " --data DATA") +
          (request.epochs == 0 ? "" : c10::str(" --epochs ", request.epochs)) +
          (request.steps == 0 ? "" : c10::str(" --steps ", request.steps)) +
          (request.seeds == 0 ? "" : c10::str(" --seeds ", request.seeds)) + "`.\n\n";
  text += record.configuration + " Statistic: " + record.statistic + ". Version " + kVersion + ", torch " +
          machine.at("torch").get<std::string>() + ", " + machine.at("cpu").get<std::string>() + ", " +
          std::to_string(machine.at("cores").get<int64_t>()) + " cores" +
          (request.device == "cpu" ? "" : ", device " + request.device) + ".\n\n";
  text += markdown_table(record.table) + "\n";
  if (!record.findings.empty()) {
    std::vector<std::vector<std::string>> rows = {{"claim", "here", "evidence"}};
    for (const auto& finding : record.findings) rows.push_back({finding.claim, verdict_of(finding), finding.evidence});
    text += markdown_table(rows) + "\n";
  }
  for (const auto& picture : record.pictures) text += "![" + record.name + "](" + picture + ")\n";
  for (const auto& [heading, table] : record.appendices) text += "\n## " + heading + "\n\n" + markdown_table(table);
  record::create_folder(request.out);
  record::write_atomically(request.out / "record.md", text);

  std::cout << terminal::table(record.table) << '\n';
  for (const auto& finding : record.findings)
    std::cout << verdict_of(finding) << ": " << finding.claim << " (" << finding.evidence << ")\n";
  for (const auto& picture : record.pictures) std::cout << "plot: " << (request.out / picture).string() << '\n';
  std::cout << "record: " << (request.out / "record.md").string() << '\n';
}

std::string verdict_of(const Finding& finding) {
  if (!finding.holds) return "not decided";
  return *finding.holds ? "holds" : "contradicted";
}

}  // namespace fanion::reproduce
