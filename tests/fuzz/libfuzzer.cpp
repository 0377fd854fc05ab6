#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "target.h"

/// clang's libFuzzer on the target that FANION_FUZZ_TARGET names; see scripts/fuzz.sh.
namespace {

const fanion::fuzz::Target& chosen() {
  static const auto target = [] {
    const char* name = std::getenv("FANION_FUZZ_TARGET");
    return fanion::fuzz::target_called(name == nullptr ? "" : name);
  }();
  return target;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fanion::fuzz::try_input(chosen(), {reinterpret_cast<const char*>(data), size});
  return 0;
}
