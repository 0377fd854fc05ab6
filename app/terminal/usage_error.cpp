#include "terminal/usage_error.h"

#include <vector>

#include "fanion/names.h"

namespace fanion::terminal {
namespace {

std::vector<std::string> commands_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options([](const CLI::Option* o) { return !o->get_group().empty(); }))
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

}  // namespace

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  // The command that was meant: the last one that was recognised.
  const auto* command = &app;
  std::string path = "fanion";
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  const auto help = "; " + path + " --help lists what there is";
  const auto unknown = app.remaining(/*recurse=*/true);
  const auto names = commands_of(*command);
  if (!names.empty()) {
    const auto first = unknown.empty() ? std::string() : unknown.front();
    if (!first.empty() && first.front() != '-')
      return "unknown command '" + first + "'" + did_you_mean(first, listed(names)) + help;
    return path + " needs a command" + (first.empty() ? "" : " before " + first) + ", one of: " + listed(names) + help;
  }
  if (unknown.empty()) return error.what() + help;
  const auto& word = unknown.front();
  if (word.front() != '-') return "unexpected argument '" + word + "'" + help;
  const auto name = word.substr(0, word.find('='));
  return "unknown option " + name + did_you_mean(name, listed(options_of(*command))) + help;
}

}  // namespace fanion::terminal
