#include "record/machine.h"

#include <ATen/Version.h>
#include <torch/version.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

namespace fanion::record {
namespace {

std::string cpu_model() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "unknown";
}

}  // namespace

nlohmann::json machine_facts() {
  return {{"cpu", cpu_model()},
          {"cores", std::thread::hardware_concurrency()},
          {"instruction_set", at::get_cpu_capability()},
          {"torch", TORCH_VERSION}};
}

}  // namespace fanion::record
