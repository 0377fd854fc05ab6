#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace fanion::processes {

/// This process among those that train together, as torchrun says it in the environment.
struct Launch {
  int64_t rank = 0, size = 1;              ///< RANK, WORLD_SIZE
  int64_t local_rank = 0, local_size = 1;  ///< LOCAL_RANK, LOCAL_WORLD_SIZE: of this machine
  std::string address;                     ///< MASTER_ADDR, MASTER_PORT: of the store where they meet
  uint16_t port = 0;
  bool store_is_there = false;  ///< TORCHELASTIC_USE_AGENT_STORE: torchrun keeps it, else process 0 does
  std::string attempt = "0";    ///< TORCHELASTIC_RESTART_COUNT
};

/// Nothing where WORLD_SIZE is not set or 1. ValueError naming the first variable that is missing or out of range.
std::optional<Launch> launch_from_environment();

}  // namespace fanion::processes
