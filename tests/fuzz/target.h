#pragma once

#include <string>
#include <string_view>
#include <vector>

/// What is tried with damaged input: one parser of bytes that come from outside.
namespace fanion::fuzz {

struct Target {
  std::string name;
  std::vector<std::string> seeds;  ///< sound input, and damaged input that was once a fault
  std::vector<std::string> words;  ///< what the format is made of
  /// Reads the input. Returns, or throws c10::ValueError where the input is refused; anything else is a fault.
  void (*read)(std::string_view input);
};

Target npy();
Target token_shard();
Target safetensors();
Target config();
Target rule_text();
Target metrics();
Target svd_costs();
Target cifar10();

std::vector<Target> all_targets();
/// Throws std::invalid_argument naming them all.
Target target_called(const std::string& name);

/// Reads one input; whether it was taken and not refused. A fault ends the program with what it was on standard error.
bool try_input(const Target& target, std::string_view input);

/// A file with these bytes in a folder of this process, for parsers that take files. `name` decides how it is read.
std::string file_of(std::string_view bytes, const std::string& name);
std::string bytes_of(const std::string& file);

}  // namespace fanion::fuzz
