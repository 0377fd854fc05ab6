#include "record/run_lock.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "terminal/note.h"

namespace fanion::record {
namespace {

/// Whether the open file is the one that the path names: its last holder may have removed it meanwhile.
bool is_named(int descriptor, const std::filesystem::path& path) {
  struct stat opened{}, named{};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

/// The process that the file names.
std::string holder(int descriptor) {
  std::array<char, 32> text{};
  const auto size = ::pread(descriptor, text.data(), text.size(), 0);
  std::string pid(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  pid = pid.substr(0, pid.find_first_not_of("0123456789"));
  return pid.empty() ? "unknown" : pid;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder) : file_(folder / "lock") {
  while (descriptor_ < 0) {
    const int opened = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    TORCH_CHECK(opened >= 0, "cannot open ", file_.string(), ": ", std::strerror(errno));
    if (::flock(opened, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      const auto pid = holder(opened);
      ::close(opened);
      TORCH_CHECK_VALUE(reason != EWOULDBLOCK, folder.string(), " is already running (pid ", pid,
                        "); wait for its end, or stop it first");
      terminal::note(c10::str(file_.string(), ": no lock to be had here (", std::strerror(reason),
                              "); start no second process on this run"));
      return;
    }
    if (is_named(opened, file_))
      descriptor_ = opened;
    else
      ::close(opened);
  }
  // The name is for people: a full disk takes nothing from the lock.
  const auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor_, 0) != 0 || ::pwrite(descriptor_, pid.data(), pid.size(), 0) < 0) return;
}

RunLock::RunLock(RunLock&& other) noexcept
    : file_(std::move(other.file_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

RunLock::~RunLock() {
  if (descriptor_ < 0) return;
  ::unlink(file_.c_str());  // while it is held, so that nobody's new file is removed
  ::close(descriptor_);
}

}  // namespace fanion::record
