#include "fanion/distributed/sums/shared_sums.h"

#include <ATen/Parallel.h>
#include <ATen/ThreadLocalState.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <semaphore>
#include <thread>

#include "fanion/distributed/collectives.h"

namespace fanion::distributed {
namespace {

/// Unwinds a task whose sums are not going to be made.
struct Abandoned : std::exception {};

struct Task {
  std::binary_semaphore turn{0};
  std::vector<at::Tensor>* waits_for = nullptr;
  std::string group;
  bool has_ended = false, is_abandoned = false;
  std::exception_ptr error;
};

/// The task that this thread runs, and the way back to who gives turns.
struct Here {
  Task* task;
  std::binary_semaphore* back;
};
thread_local std::optional<Here> here;

std::optional<c10::Stream> stream_of(at::Device device) {
  if (device.is_cpu() || device.is_meta()) return std::nullopt;
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

class Turns {
 public:
  Turns(const std::vector<std::function<void()>>& work, at::Device device)
      : work_(work), tasks_(work.size()), stream_(stream_of(device)) {
    for (std::size_t i = 0; i < work.size(); ++i) threads_.emplace_back([this, i] { run(i); });
  }
  ~Turns() {
    for (auto& thread : threads_) thread.join();
  }
  Turns(const Turns&) = delete;
  Turns& operator=(const Turns&) = delete;

  void take() {
    std::exception_ptr error;
    while (std::ranges::any_of(tasks_, [](const Task& task) { return !task.has_ended; })) {
      for (auto& task : tasks_) {
        if (task.has_ended) continue;
        task.is_abandoned = error != nullptr;
        task.turn.release();
        back_.acquire();
        if (task.error && !error) error = task.error;
      }
      if (error) continue;
      try {
        sum_up();
      } catch (...) {
        error = std::current_exception();
      }
    }
    if (error) std::rethrow_exception(error);
  }

 private:
  void run(std::size_t i) {
    auto& task = tasks_[i];
    task.turn.acquire();
    try {
      const at::ThreadLocalStateGuard state(state_);
      const c10::OptionalStreamGuard stream(stream_);
      at::init_num_threads();
      here = Here{&task, &back_};
      if (!task.is_abandoned) work_[i]();
    } catch (...) {  // where tasks are abandoned, an error has come before, and that one counts
      task.error = std::current_exception();
    }
    here.reset();
    task.has_ended = true;
    back_.release();
  }

  /// One sum over each group that tasks wait for, in the order of the first of them.
  void sum_up() {
    for (std::size_t first = 0; first < tasks_.size(); ++first) {
      if (tasks_[first].waits_for == nullptr) continue;
      const auto group = tasks_[first].group;
      std::vector<Task*> together;
      std::vector<at::Tensor> all;
      for (std::size_t i = first; i < tasks_.size(); ++i) {
        if (tasks_[i].waits_for == nullptr || tasks_[i].group != group) continue;
        together.push_back(&tasks_[i]);
        all.insert(all.end(), tasks_[i].waits_for->begin(), tasks_[i].waits_for->end());
      }
      sum_over(all, group);
      auto next = all.begin();
      for (auto* task : together) {
        for (auto& own : *task->waits_for) own = *next++;
        task->waits_for = nullptr;
      }
    }
  }

  const std::vector<std::function<void()>>& work_;
  std::vector<Task> tasks_;
  std::optional<c10::Stream> stream_;
  at::ThreadLocalState state_;
  std::binary_semaphore back_{0};
  std::vector<std::thread> threads_;
};

}  // namespace

void with_shared_sums(const std::vector<std::function<void()>>& tasks, at::Device device) {
  if (tasks.size() == 1) return tasks[0]();
  Turns(tasks, device).take();
}

bool summed_with_others(std::vector<at::Tensor>& tensors, const std::string& group) {
  if (!here) return false;
  auto& [task, back] = *here;
  task->waits_for = &tensors;
  task->group = group;
  back->release();
  task->turn.acquire();
  if (task->is_abandoned) throw Abandoned{};
  return true;
}

}  // namespace fanion::distributed
