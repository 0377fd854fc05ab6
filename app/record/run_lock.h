#pragma once

#include <filesystem>

namespace fanion::record {

/// Holds a run's folder for this process, by flock(2) on its file `lock`, which names the process and goes with it.
/// The system lets go of what a killed process held, so a file left behind is no obstacle.
class RunLock {
 public:
  /// Throws, naming the process, if another one holds the folder. Where the file system knows no locks it says so
  /// and goes on without.
  explicit RunLock(const std::filesystem::path& folder);
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&&) = delete;
  ~RunLock();

 private:
  std::filesystem::path file_;
  int descriptor_ = -1;
};

}  // namespace fanion::record
