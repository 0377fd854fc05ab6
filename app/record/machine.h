#pragma once

#include <nlohmann/json_fwd.hpp>

namespace fanion::record {

/// CPU model, cores, ATen's instruction set and libtorch version, for records.
nlohmann::json machine_facts();

}  // namespace fanion::record
