#include <algorithm>
#include <iostream>

#include "commands/command.h"
#include "fanion/norms/registry.h"
#include "terminal/table.h"

namespace fanion::commands {

void add_rules(CLI::App& app) {
  app.add_subcommand("rules", "list the rules that --optimizer takes")->callback([] {
    std::vector<std::vector<std::string>> rows = {{"name", "direction and options; what for"}};
    std::size_t width = 0;
    for (const auto& rule : norms::known_rules()) {
      rows.push_back({rule.name, rule.summary + (rule.keys.empty() ? "" : " [" + rule.keys + "]") + "; " + rule.use});
      width = std::max(width, rule.name.size() + 2);
    }
    std::cout << "name[:key=value,...], or a sum: \"0.3*nuclear + 0.7*max_entry\"\n\n";
    for (const auto& row : rows) std::cout << row[0] << std::string(width - row[0].size(), ' ') << row[1] << '\n';
  });
}

}  // namespace fanion::commands
