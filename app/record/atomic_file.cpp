#include "record/atomic_file.h"

#include <c10/util/Exception.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace fanion::record {
namespace {

/// A file descriptor that closes itself; every failed call throws with the path.
class File {
 public:
  File(std::filesystem::path path, int flags)
      : path_(std::move(path)), descriptor_(::open(path_.c_str(), flags, 0644)) {
    check(descriptor_ >= 0, "open");
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  void write(const void* data, std::size_t size) {
    const auto* bytes = static_cast<const char*>(data);
    while (size > 0) {
      const auto written = ::write(descriptor_, bytes, size);
      if (written < 0 && errno == EINTR) continue;
      check(written >= 0, "write");
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
  }
  void sync() { check(::fsync(descriptor_) == 0, "sync"); }

 private:
  void check(bool ok, const char* what) const {
    const auto* reason = std::strerror(errno);
    TORCH_CHECK(ok, "cannot ", what, " ", path_.string(), ": ", reason);
  }
  std::filesystem::path path_;
  int descriptor_;
};

}  // namespace

void write_atomically(const std::filesystem::path& path, const std::function<void(const Sink&)>& write) {
  auto temporary = path;
  temporary += ".tmp";
  try {
    File file(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
    write([&](const void* data, std::size_t size) { file.write(data, size); });
    file.sync();
    std::filesystem::rename(temporary, path);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);  // what is half written would keep a full disk full
    throw;
  }
  const auto folder = path.parent_path();
  File(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC).sync();
}

void write_atomically(const std::filesystem::path& path, const std::string& text) {
  write_atomically(path, [&](const Sink& sink) { sink(text.data(), text.size()); });
}

}  // namespace fanion::record
