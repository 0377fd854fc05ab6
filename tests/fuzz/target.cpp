#include "target.h"

#include <c10/util/Exception.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace fanion::fuzz {
namespace {

/// Removed when the process ends.
struct Folder {
  Folder() {
    const std::filesystem::path memory = "/dev/shm";
    path = (std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path()) /
           ("fanion-fuzz-" + std::to_string(::getpid()));
    std::filesystem::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

}  // namespace

std::vector<Target> all_targets() {
  return {npy(), token_shard(), safetensors(), config(), rule_text(), metrics(), svd_costs(), cifar10()};
}

Target target_called(const std::string& name) {
  std::string known;
  for (auto& target : all_targets()) {
    if (target.name == name) return target;
    known += " " + target.name;
  }
  throw std::invalid_argument("no target is called '" + name + "'; choose one of:" + known);
}

bool try_input(const Target& target, std::string_view input) {
  try {
    target.read(input);
    return true;
  } catch (const c10::ValueError&) {
    return false;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: no ValueError but: %s\n", target.name.c_str(), e.what());
    std::abort();
  }
}

std::string file_of(std::string_view bytes, const std::string& name) {
  static const Folder folder;
  const auto file = folder.path / name;
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
  return file.string();
}

std::string bytes_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace fanion::fuzz
