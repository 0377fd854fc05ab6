#include "record/python_module.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

namespace fanion::record {

std::string python() {
  const char* chosen = std::getenv("FANION_PYTHON");
  return chosen != nullptr ? chosen : "python3";
}

namespace {

/// `-m` looks into the current folder first, and Python 3.10 has no option against it.
constexpr const char* kInstalled =
    "import sys; sys.path[:] = [path for path in sys.path if path]; del sys.argv[0]; import runpy; "
    "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)";

int run(std::vector<std::string> words, const std::vector<std::string>& arguments, const std::filesystem::path& folder,
        bool quiet) {
  // A path that is relative is so to the current folder, not to `folder`.
  if (words[0].find('/') != std::string::npos) words[0] = std::filesystem::absolute(words[0]).string();
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (!folder.empty()) ::posix_spawn_file_actions_addchdir_np(&actions, folder.c_str());
  if (quiet)
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO})
      ::posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  int status = 0;
  const bool ran = ::posix_spawnp(&child, pointers[0], &actions, nullptr, pointers.data(), environ) == 0 &&
                   ::waitpid(child, &status, 0) == child;
  ::posix_spawn_file_actions_destroy(&actions);
  return ran && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

int run_installed_module(const std::string& module, const std::vector<std::string>& arguments) {
  return run({python(), "-c", kInstalled, module}, arguments, {}, /*quiet=*/false);
}

int run_module_in(const std::filesystem::path& folder, const std::string& module,
                  const std::vector<std::string>& arguments, bool quiet) {
  return run({python(), "-m", module}, arguments, folder, quiet);
}

}  // namespace fanion::record
