#pragma once

#include <ATen/Parallel.h>

#include <string>
#include <vector>

#include "fanion/kernels/instruction_set.h"

namespace fanion::kernels {

/// The instruction sets of this processor.
inline std::vector<std::string> instruction_sets() {
  std::vector<std::string> all;
  const std::string before{instruction_set()};
  for (const std::string name : {"baseline", "avx2", "avx512"}) {
    try {
      set_instruction_set(name);
      all.push_back(name);
    } catch (const c10::ValueError&) {
    }
  }
  set_instruction_set(before);
  return all;
}

/// Puts the number of threads and the instruction set back at the end of a test.
class Settings {
 public:
  ~Settings() {
    at::set_num_threads(threads_);
    set_instruction_set(set_);
  }

 private:
  int threads_ = at::get_num_threads();
  std::string set_{instruction_set()};
};

}  // namespace fanion::kernels
