#include "record/python_module.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

extern char** environ;

namespace fanion::record {

std::string python() {
  const char* chosen = std::getenv("FANION_PYTHON");
  return chosen != nullptr ? chosen : "python3";
}

int run_python_module(const std::string& module, const std::vector<std::string>& arguments, bool quiet) {
  std::vector<std::string> words = {python(), "-m", module};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (auto& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
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

}  // namespace fanion::record
