#include "record/plotting.h"

#include <c10/util/Exception.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>

extern char** environ;

namespace fanion::record {

void plot_runs(const std::vector<std::filesystem::path>& runs, const std::filesystem::path& png) {
  const char* chosen = std::getenv("FANION_PYTHON");
  std::vector<std::string> words = {chosen != nullptr ? chosen : "python3", "-m", "fanion.plots", "--out",
                                    png.string()};
  for (const auto& run : runs) words.push_back(run.string());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  pid_t child = 0;
  int status = 0;
  const bool ran = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ) == 0 &&
                   ::waitpid(child, &status, 0) == child;
  TORCH_CHECK(ran && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the plot was not drawn: '", words[0],
              " -m fanion.plots' failed; set FANION_PYTHON to a Python with fanion and matplotlib");
}

}  // namespace fanion::record
