// Before anything of libtorch or libfanion runs: is the libtorch that was loaded one that this program was built for?
//
// A program that was compiled for another minor version of torch ends in a segmentation fault, often before main:
// constructors of the libraries already use the changed interface. The loader calls what stands in .preinit_array
// before all of them. Nothing but the C library is used here, which is ready by then.

#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <torch/version.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

constexpr char kLibrary[] = "/lib/libtorch_cpu.so";
constexpr char kVersion[] = "__version__ = '";

/// The folder above lib/ of the libtorch that was loaded, into `folder` of PATH_MAX characters.
int find_torch(dl_phdr_info* info, size_t, void* folder) {
  const char* name = info->dlpi_name;
  const auto length = std::strlen(name), tail = sizeof(kLibrary) - 1;
  if (length < tail || length >= PATH_MAX || std::strcmp(name + length - tail, kLibrary) != 0) return 0;
  std::snprintf(static_cast<char*>(folder), PATH_MAX, "%.*s", static_cast<int>(length - tail), name);
  return 1;
}

/// The text of `folder`/`name`, cut off after so many characters that the version is among them; whether it is there.
bool read_start(const char* folder, const char* name, char* text, size_t size) {
  char path[PATH_MAX + 32];
  std::snprintf(path, sizeof(path), "%s/%s", folder, name);
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const auto read = ::read(file, text, size - 1);
  ::close(file);
  text[read < 0 ? 0 : read] = '\0';
  return read >= 0;
}

/// Ends the program where the loaded torch says that it is of another minor version; one that says nothing passes.
void check_torch(int, char**, char**) {
  char folder[PATH_MAX] = "", text[4096] = "";
  if (::dl_iterate_phdr(find_torch, folder) == 0) return;
  const char* version = text;
  if (read_start(folder, "version.py", text, sizeof(text))) {
    version = std::strstr(text, kVersion);
    if (version == nullptr) return;
    version += sizeof(kVersion) - 1;
  } else if (!read_start(folder, "build-version", text, sizeof(text))) {
    return;
  }
  char *dot = nullptr, *end = nullptr;
  const long major = std::strtol(version, &dot, 10);
  if (dot == version || *dot != '.') return;
  const long minor = std::strtol(dot + 1, &end, 10);
  if (end == dot + 1) return;
  if (major == TORCH_VERSION_MAJOR && minor == TORCH_VERSION_MINOR) return;
  const auto length = static_cast<int>(std::strcspn(version, "'\n"));
  std::fprintf(stderr,
               "fanion: this program was built for torch %s, this is torch %.*s in %s; build fanion again for this "
               "torch, from its sources: pip install --force-reinstall --no-deps --no-build-isolation . or install "
               "torch %d.%d\n",
               TORCH_VERSION, length, version, folder, TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR);
  ::_exit(1);
}

__attribute__((section(".preinit_array"), used)) void (*first)(int, char**, char**) = check_torch;

}  // namespace
