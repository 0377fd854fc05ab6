#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <filesystem>
#include <fstream>
#include <random>

#include "target.h"

/// Runs a target without a fuzzer's instrumentation, so that any compiler does:
///
///     fanion_fuzz TARGET RUNS          its seeds, then RUNS mutations of them, the same at every start
///     fanion_fuzz TARGET corpus DIR    writes the seeds as files and the words as DIR.dict, for libFuzzer
///     fanion_fuzz TARGET FILE...       these files
///
/// A fault, or an input that takes longer than 20 s, ends it with the input on standard error.
namespace {

using fanion::fuzz::Target;
using fanion::fuzz::try_input;

constexpr unsigned kSlowest = 20;          // seconds
constexpr std::size_t kLongest = 1 << 16;  // bytes that mutations grow an input to
std::string current;                       // what is being read

/// Only what a signal handler may call.
extern "C" void on_fault(int number) {
  const auto say = [](const char* text) {
    [[maybe_unused]] const auto n = ::write(STDERR_FILENO, text, std::strlen(text));
  };
  say(number == SIGALRM ? "\ntoo slow on the input (hexadecimal): " : "\nended by the input (hexadecimal): ");
  for (const unsigned char byte : current) {
    const char digits[] = {"0123456789abcdef"[byte >> 4], "0123456789abcdef"[byte & 15], '\0'};
    say(digits);
  }
  say("\n");
  ::_exit(1);
}

class Mutations {
 public:
  explicit Mutations(const Target& target) : target_(target) {}

  std::string next() {
    auto input = any(target_.seeds);
    for (auto changes = 1 + below(6); changes > 0; --changes) change(input);
    input.resize(std::min(input.size(), kLongest));
    return input;
  }

 private:
  std::size_t below(std::size_t end) { return end == 0 ? 0 : draw_() % end; }
  const std::string& any(const std::vector<std::string>& list) { return list[below(list.size())]; }

  void change(std::string& input) {
    const auto at = below(input.size() + 1), length = std::min(1 + below(32), input.size() - at);
    switch (below(8)) {
      case 0: input.erase(at, length); break;
      case 1: input.resize(at); break;
      case 2: input.insert(at, any(target_.words)); break;
      case 3: input.replace(at, length, any(target_.words)); break;
      case 4: input.insert(at, input.substr(at, length)); break;
      case 5: {
        const auto& other = any(target_.seeds);
        input = input.substr(0, at) + other.substr(below(other.size() + 1));
        break;
      }
      case 6: input.insert(at, 1 + below(200), at < input.size() ? input[at] : '9'); break;
      default:
        if (at < input.size()) input[at] = static_cast<char>(draw_());
    }
  }

  const Target& target_;
  std::mt19937 draw_{1};  // the standard fixes its numbers
};

bool run(const Target& target, std::string input) {
  current = std::move(input);
  ::alarm(kSlowest);
  const bool taken = try_input(target, current);
  ::alarm(0);
  return taken;
}

void write_corpus(const Target& target, const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < target.seeds.size(); ++i)
    std::ofstream(folder / ("seed-" + std::to_string(i)), std::ios::binary) << target.seeds[i];
  std::ofstream words(folder.string() + ".dict");
  for (const auto& word : target.words) {
    words << '"';
    for (const unsigned char byte : word) {
      char text[5];
      std::snprintf(text, sizeof text, "\\x%02x", byte);
      words << text;
    }
    words << "\"\n";
  }
}

int usage() {
  std::fprintf(stderr, "fanion_fuzz TARGET RUNS | TARGET corpus DIR | TARGET FILE...\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) return usage();
  const auto target = fanion::fuzz::target_called(argv[1]);
  for (const int number : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL, SIGALRM}) ::signal(number, on_fault);
  const std::string what = argv[2];
  if (what == "corpus") return argc == 4 ? (write_corpus(target, argv[3]), 0) : usage();
  if (what.find_first_not_of("0123456789") != std::string::npos) {
    for (int i = 2; i < argc; ++i) run(target, fanion::fuzz::bytes_of(argv[i]));
    return 0;
  }
  const auto runs = std::stoll(what);
  long long taken = 0;
  for (const auto& seed : target.seeds) taken += run(target, seed) ? 1 : 0;
  Mutations mutations(target);
  for (long long i = 0; i < runs; ++i) taken += run(target, mutations.next()) ? 1 : 0;
  const auto all = runs + static_cast<long long>(target.seeds.size());
  std::printf("%s: %lld inputs read, %lld taken, %lld refused\n", target.name.c_str(), all, taken, all - taken);
  return taken > 0 && taken < all ? 0 : 1;  // a target that takes all or nothing tries nothing
} catch (const std::exception& e) {
  std::fprintf(stderr, "fanion_fuzz: %s\n", e.what());
  return 2;
}
