#include "fanion/distributed/sums/shared_sums.h"

#include <ATen/ops/ones.h>
#include <c10/core/GradMode.h>

#include "certificates.h"

namespace fanion::distributed {
namespace {

using namespace fanion::testing;

// Sums themselves take processes: tests/python/test_spread.py.

TEST(SharedSums, TasksRunInTurnsWithTheCallersState) {
  std::vector<int> order;
  const c10::AutoGradMode off(false);
  std::vector<std::function<void()>> tasks;
  for (int i = 0; i < 3; ++i)
    tasks.emplace_back([&order, i] {
      EXPECT_FALSE(c10::GradMode::is_enabled());
      order.push_back(i);
    });
  with_shared_sums(tasks, at::kCPU);
  EXPECT_EQ(order, (std::vector{0, 1, 2}));
}

TEST(SharedSums, OutsideOfTasksNothingWaits) {
  std::vector<at::Tensor> tensors{at::ones({2})};
  EXPECT_FALSE(summed_with_others(tensors, "group"));
}

TEST(SharedSums, AnErrorEndsTheOthersWhereTheyWait) {
  std::vector<int> came_to;
  const std::vector<std::function<void()>> tasks{
      [&] {
        std::vector<at::Tensor> tensors{at::ones({2})};
        came_to.push_back(0);
        summed_with_others(tensors, "group");
        came_to.push_back(-1);
      },
      [&] {
        came_to.push_back(1);
        TORCH_CHECK_VALUE(false, "no step today");
      },
      [&] { came_to.push_back(2); },
  };
  EXPECT_VALUE_ERROR(with_shared_sums(tasks, at::kCPU), "no step today");
  EXPECT_EQ(came_to, (std::vector{0, 1}));  // what has not begun does not begin
}

TEST(SharedSums, AnErrorOfTheSumComesOut) {
  const std::function<void()> task = [] {
    std::vector<at::Tensor> tensors{at::ones({2})};
    summed_with_others(tensors, "there is no such group");
    ADD_FAILURE() << "went on without its sum";
  };
  EXPECT_ANY_THROW(with_shared_sums({task, task}, at::kCPU));
}

}  // namespace
}  // namespace fanion::distributed
