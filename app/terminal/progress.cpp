#include "terminal/progress.h"

#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace fanion::terminal {
namespace {

constexpr int kBarWidth = 20;
constexpr std::chrono::milliseconds kRedraw{100};

std::string bar(double fraction) {
  const int filled = static_cast<int>(fraction * kBarWidth);
  std::string text;
  for (int i = 0; i < kBarWidth; ++i) text += i < filled ? "█" : "░";
  return text;
}

/// "1.2k tok/s"; whole steps are counted one by one.
std::string rate_text(double steps_per_second, const experiments::TrainingEvent& event) {
  std::array<char, 32> buffer{};
  if (event.work_per_step == 1)
    std::snprintf(buffer.data(), buffer.size(), "%6.1f", steps_per_second);
  else
    std::snprintf(buffer.data(), buffer.size(), "%5.1fk", steps_per_second * event.work_per_step / 1000);
  return buffer.data() + (" " + event.unit) + "/s";
}

}  // namespace

std::string loss_text(double loss) {
  if (std::isnan(loss)) return "  -   ";
  std::array<char, 16> buffer{};
  const double size = std::abs(loss);
  std::snprintf(buffer.data(), buffer.size(), size != 0 && (size < 0.01 || size >= 1000) ? "%.2e" : "%6.4f", loss);
  return buffer.data();
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<long>(std::ceil(std::max(0.0, seconds)));
  std::array<char, 32> buffer{};
  if (whole >= 3600)
    std::snprintf(buffer.data(), buffer.size(), "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    std::snprintf(buffer.data(), buffer.size(), "%ld:%02ld", whole / 60, whole % 60);
  return buffer.data();
}

TrainingProgress::TrainingProgress(std::string label, std::size_t label_width)
    : label_(std::move(label)), terminal_(isatty(STDERR_FILENO) == 1), start_(Clock::now()), drawn_(start_ - kRedraw) {
  label_.resize(std::max(label_width, label_.size()), ' ');
}

void TrainingProgress::operator()(const experiments::TrainingEvent& event) {
  const auto now = Clock::now();
  const auto step = event.progress.step;
  if (first_step_ < 0) {
    first_step_ = step;
    start_ = now;
  }
  const bool last = event.validated && step == event.steps;
  if (terminal_ ? !last && now - drawn_ < kRedraw : !event.validated) return;
  drawn_ = now;
  const auto taken = static_cast<double>(step - first_step_);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  const double rate = taken > 0 ? taken / elapsed : 0;
  const auto left = rate > 0 ? clock_text(static_cast<double>(event.steps - step) / rate) : std::string("-:--");
  std::fprintf(stderr, "%s%s %s %4lld/%lld  loss %s  val %s  %s  %s left%s", terminal_ ? "\r\033[K" : "",
               label_.c_str(), bar(static_cast<double>(step) / static_cast<double>(event.steps)).c_str(),
               static_cast<long long>(step), static_cast<long long>(event.steps), loss_text(event.loss).c_str(),
               loss_text(event.validation_loss).c_str(), rate_text(rate, event).c_str(), left.c_str(),
               !terminal_ || last ? "\n" : "");
  std::fflush(stderr);
}

}  // namespace fanion::terminal
