#include "record/checkpoint.h"

#include <ATen/core/grad_mode.h>

#include <cmath>
#include <cstdio>

#include "fanion/number_text.h"

namespace fanion::record {
namespace {

/// Hexadecimal, so that a resumed run carries on with exactly the same seconds.
std::string text_of(double x) {
  std::array<char, 40> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%a", x);
  return buffer.data();
}

Progress load(const std::filesystem::path& file, const NamedTensors& wanted, bool whole) {
  const auto stored = read_safetensors(file);
  for (const auto& [name, tensor] : wanted) {
    const auto it = stored.tensors.find(name);
    TORCH_CHECK_VALUE(it != stored.tensors.end(), file.string(), ": has no ", name,
                      "; it belongs to another model or optimizer");
    TORCH_CHECK_VALUE(it->second.sizes() == tensor.sizes() && it->second.dtype() == tensor.dtype(), file.string(), ": ",
                      name, " is ", it->second.dtype(), it->second.sizes(), ", expected ", tensor.dtype(),
                      tensor.sizes());
  }
  TORCH_CHECK_VALUE(!whole || wanted.size() == stored.tensors.size(), file.string(), ": has ", stored.tensors.size(),
                    " tensors, expected ", wanted.size());
  const auto progress = progress_of(stored.metadata, file.string());
  const at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : wanted) tensor.copy_(stored.tensors.at(name));
  return progress;
}

}  // namespace

Progress progress_of(const Metadata& metadata, const std::string& source) {
  const auto text_at = [&](const char* key) { return metadata.contains(key) ? metadata.at(key) : std::string(); };
  const auto step = number_from_text<int64_t>(text_at("step"));
  TORCH_CHECK_VALUE(step && *step >= 0, source, ": its step is damaged: '", text_at("step"), "'");
  Progress progress{.step = *step};
  for (const auto& [key, value] :
       {std::pair("seconds", &progress.seconds), std::pair("optimizer_seconds", &progress.optimizer_seconds)}) {
    const auto seconds = exact_number_from_text(text_at(key));
    TORCH_CHECK_VALUE(seconds && *seconds >= 0 && std::isfinite(*seconds), source, ": its ", key, " is damaged: '",
                      text_at(key), "'");
    *value = *seconds;
  }
  return progress;
}

void save_checkpoint(const std::filesystem::path& file, const NamedTensors& tensors, const Progress& progress) {
  write_safetensors(file, tensors,
                    {{"step", std::to_string(progress.step)},
                     {"seconds", text_of(progress.seconds)},
                     {"optimizer_seconds", text_of(progress.optimizer_seconds)}});
}

Progress load_checkpoint(const std::filesystem::path& file, const NamedTensors& tensors) {
  return load(file, tensors, /*whole=*/true);
}

Progress load_tensors(const std::filesystem::path& file, const NamedTensors& tensors) {
  return load(file, tensors, /*whole=*/false);
}

}  // namespace fanion::record
