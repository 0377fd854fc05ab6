#pragma once

#include <filesystem>
#include <functional>
#include <string>

namespace fanion::record {

/// Receives pieces of a file in order.
using Sink = std::function<void(const void* data, std::size_t size)>;

/// Writes a file so that after a crash at any moment either the old or the new one is there, whole: written to
/// PATH.tmp, synced, renamed over PATH, and the folder synced. Throws naming the path and the system's reason; PATH.tmp
/// is removed then.
void write_atomically(const std::filesystem::path& path, const std::function<void(const Sink&)>& write);
void write_atomically(const std::filesystem::path& path, const std::string& text);

}  // namespace fanion::record
