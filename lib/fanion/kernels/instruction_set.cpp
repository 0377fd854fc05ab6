#include "fanion/kernels/instruction_set.h"

#include <algorithm>
#include <atomic>
#include <string>
#include <vector>

namespace fanion::kernels {
namespace {

bool supports(const LoopTable& loops) {
#ifdef FANION_X86_KERNELS
  __builtin_cpu_init();
  if (&loops == &kAvx512Loops)
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  if (&loops == &kAvx2Loops)
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
#endif
  return &loops == &kBaselineLoops;
}

/// Best first.
const std::vector<const LoopTable*>& all_loops() {
#ifdef FANION_X86_KERNELS
  static const std::vector<const LoopTable*> all = {&kAvx512Loops, &kAvx2Loops, &kBaselineLoops};
#else
  static const std::vector<const LoopTable*> all = {&kBaselineLoops};
#endif
  return all;
}

std::atomic<const LoopTable*>& chosen() {
  static std::atomic<const LoopTable*> loops =
      *std::find_if(all_loops().begin(), all_loops().end(), [](const auto* each) { return supports(*each); });
  return loops;
}

}  // namespace

const LoopTable& loops_in_use() { return *chosen().load(); }

bool multiplies_pairs() {
#ifdef FANION_X86_KERNELS
  static const bool supported = __builtin_cpu_supports("avx512bf16") != 0;
  return supported && &loops_in_use() == &kAvx512Loops;
#else
  return false;
#endif
}

bool multiplies_tiles() {
#ifdef FANION_X86_KERNELS
  static const bool supported = __builtin_cpu_supports("amx-bf16") != 0;
  return supported && multiplies_pairs();
#else
  return false;
#endif
}

std::optional<Storage> storage_of(const at::Tensor& A) {
  switch (A.scalar_type()) {
    case at::kFloat: return Storage::float32;
    case at::kBFloat16: return Storage::bfloat16;
    case at::kHalf: return Storage::float16;
    case at::kChar: return Storage::int8;
    default: return std::nullopt;
  }
}

std::string_view instruction_set() { return chosen().load()->name; }

void set_instruction_set(std::string_view name) {
  std::string choices;
  for (const auto* loops : all_loops()) {
    if (!supports(*loops)) continue;
    if (loops->name == name) {
      chosen() = loops;
      return;
    }
    choices.append(choices.empty() ? "" : ", ").append(loops->name);
  }
  TORCH_CHECK_VALUE(false, "no kernels for '", name, "' on this processor; choose one of: ", choices);
}

}  // namespace fanion::kernels
