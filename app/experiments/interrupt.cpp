#include "experiments/interrupt.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <string_view>

namespace fanion::experiments {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

constexpr int kLeastPatience = 5;  // seconds

volatile std::sig_atomic_t signalled = 0;  // the signal's number
volatile std::sig_atomic_t patience = kLeastPatience;
double last_look = 0;  // seconds of the clock

void say(std::string_view text) {
  if (::write(STDERR_FILENO, text.data(), text.size()) < 0) return;  // there is nobody to tell
}

extern "C" void on_alarm(int) {
  say("\nthe step did not end: stopped without saving; the last checkpoint stands\n");
  ::_exit(128 + signalled);
}

extern "C" void on_signal(int number) {
  signalled = number;
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  ::alarm(static_cast<unsigned>(patience));
}

}  // namespace

void catch_interrupts() {
  last_look = seconds_now();
  std::signal(SIGALRM, on_alarm);
  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
}

bool interrupted() {
  if (signalled != 0) {
    ::alarm(0);
    return true;
  }
  const double now = seconds_now();
  const double wait = now - last_look;
  last_look = now;
  patience = std::max(static_cast<int>(patience), static_cast<int>(std::min(std::ceil(4 * wait), 1e6)));
  return false;
}

}  // namespace fanion::experiments
