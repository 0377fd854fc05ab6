#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tasks/gpt_options.h"

namespace fanion::commands {

/// The flags of a GPT training on a command: `--config FILE` first, then the flags given beside it.
class GptFlags {
 public:
  /// --help does not list the flags called `hidden`, which the command refuses.
  explicit GptFlags(CLI::App& command, const std::vector<std::string>& hidden = {});
  /// The options as given, not yet resolved; --optimizer may bring its rate, "muon@0.04". Throws if the config file is
  /// unreadable or unknown to us.
  tasks::GptOptions options() const;
  /// Throws if any of the flags (of those called `names`, if there are any) was given; `because` ends the sentence.
  void refuse(const std::string& because, const std::vector<std::string>& names = {}) const;

 private:
  tasks::GptOptions flags_;
  std::string config_;
  std::vector<std::pair<std::string, CLI::Option*>> given_;
};

}  // namespace fanion::commands
