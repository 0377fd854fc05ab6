#include "processes/launch.h"

#include <c10/util/Exception.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

namespace fanion::processes {
namespace {

std::string_view value_of(const char* variable) {
  const char* value = std::getenv(variable);
  return value == nullptr ? std::string_view() : value;
}

int64_t whole_number(const char* variable, int64_t smallest, int64_t largest) {
  const auto text = value_of(variable);
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  TORCH_CHECK_VALUE(error == std::errc() && end == text.data() + text.size() && value >= smallest && value <= largest,
                    "WORLD_SIZE says that ", value_of("WORLD_SIZE"), " processes train together, and ", variable,
                    " is ", text.empty() ? "not set" : c10::str("'", text, "'"), ", which must lie in ", smallest,
                    " to ", largest, "; torchrun --no-python sets these");
  return value;
}

}  // namespace

std::optional<Launch> launch_from_environment() {
  constexpr int64_t kMost = 1'000'000;
  if (value_of("WORLD_SIZE").empty()) return {};
  Launch launch;
  launch.size = whole_number("WORLD_SIZE", 1, kMost);
  if (launch.size == 1) return {};
  launch.rank = whole_number("RANK", 0, launch.size - 1);
  launch.port = static_cast<uint16_t>(whole_number("MASTER_PORT", 1, 65'535));
  launch.address = value_of("MASTER_ADDR");
  TORCH_CHECK_VALUE(
      !launch.address.empty(), "WORLD_SIZE says that ", launch.size,
      " processes train together, and MASTER_ADDR, where they meet, is not set; torchrun --no-python sets "
      "these");
  launch.local_size = value_of("LOCAL_WORLD_SIZE").empty() ? 1 : whole_number("LOCAL_WORLD_SIZE", 1, launch.size);
  launch.local_rank = value_of("LOCAL_RANK").empty() ? 0 : whole_number("LOCAL_RANK", 0, launch.local_size - 1);
  launch.store_is_there = value_of("TORCHELASTIC_USE_AGENT_STORE") == "True";
  if (const auto attempt = value_of("TORCHELASTIC_RESTART_COUNT"); !attempt.empty()) launch.attempt = attempt;
  return launch;
}

}  // namespace fanion::processes
