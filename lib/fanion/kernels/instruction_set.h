#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

#include "fanion/kernels/loops/loop_table.h"

/// Which of the tables of loops is used.
namespace fanion::kernels {

/// Instruction set in use: "avx512", "avx2" or "baseline" (what the compiler assumes of every machine).
std::string_view instruction_set();
/// Uses `name` from now on; throws where the processor lacks it. For tests and benchmarks.
void set_instruction_set(std::string_view name);

/// Whether that and the processor have products of pairs of bfloat16, twice the arithmetic of floats (AVX512-BF16).
bool multiplies_pairs();
/// Whether that and the processor have products of tiles of it, eight times that again (AMX-BF16).
bool multiplies_tiles();

/// The table of that instruction set.
const LoopTable& loops_in_use();
/// How the loops call A's dtype, if they take it.
std::optional<Storage> storage_of(const at::Tensor& A);

}  // namespace fanion::kernels
