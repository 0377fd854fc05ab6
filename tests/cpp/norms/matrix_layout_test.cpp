#include "fanion/norms/matrix_layout.h"

#include <ATen/ops/stack.h>
#include <ATen/ops/zeros_like.h>

#include <barrier>
#include <mutex>
#include <thread>

#include "certificates.h"
#include "fanion/norms/registry.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

/// Threads that stand for processes and add tensors up.
class Meeting {
 public:
  explicit Meeting(int64_t members) : here_(members) {}
  void add_up(std::vector<at::Tensor>& parts) {
    {
      const std::lock_guard lock(mutex_);
      for (std::size_t i = 0; i < parts.size(); ++i)
        i < sums_.size() ? sums_[i] = sums_[i] + parts[i] : sums_.emplace_back(parts[i].clone());
    }
    here_.arrive_and_wait();
    for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = sums_[i].clone();
    here_.arrive_and_wait();
    {
      const std::lock_guard lock(mutex_);
      sums_.clear();
    }
    here_.arrive_and_wait();
  }

 private:
  std::barrier<> here_;
  std::mutex mutex_;
  std::vector<at::Tensor> sums_;
};

at::Tensor run_of(const at::Tensor& X, int64_t dim, int64_t i, int64_t count) {
  return X.tensor_split(count, dim)[i].contiguous();
}

/// The direction and the next warm start of spread matrices: those of the blocks beside those of the whole.
void expect_blocks_of_the_whole(const std::string& text, const at::Tensor& M, int64_t rows, int64_t columns) {
  SCOPED_TRACE(c10::str(text, " of ", M.sizes(), " on ", rows, " x ", columns));
  const auto rule = rule_from_name(text);
  const auto first = initial_warm_start(*rule, M.size(1), M.size(2), M.options()).repeat({M.size(0), 1, 1});
  auto warm = first.clone();
  const auto D = to_dense(rule->batch_direction(M, warm.numel() > 0 ? &warm : nullptr), M);

  std::vector<std::unique_ptr<Meeting>> of_a_column, of_a_row;
  for (int64_t j = 0; j < columns; ++j) of_a_column.push_back(std::make_unique<Meeting>(rows));
  for (int64_t i = 0; i < rows; ++i) of_a_row.push_back(std::make_unique<Meeting>(columns));
  std::vector<std::thread> processes;
  std::mutex mutex;
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      processes.emplace_back([&, i, j] {
        const auto block = [&](const at::Tensor& X) { return run_of(run_of(X, 1, i, rows), 2, j, columns); };
        MatrixLayout layout{M.size(1), M.size(2)};
        if (rows > 1) layout.over_rows = [&, j](std::vector<at::Tensor>& parts) { of_a_column[j]->add_up(parts); };
        if (columns > 1) layout.over_columns = [&, i](std::vector<at::Tensor>& parts) { of_a_row[i]->add_up(parts); };
        auto own = run_of(first, 1, j, columns);
        const auto M_here = block(M);
        const auto terms = rule->batch_direction(M_here, own.numel() > 0 ? &own : nullptr, &layout);
        const auto D_here = to_dense(terms, M_here);
        const std::lock_guard lock(mutex);
        EXPECT_LE(relative_error(D_here, block(D)), 1e-10);
        EXPECT_LE(relative_error(own, run_of(warm, 1, j, columns)), 1e-10);
      });
  for (auto& process : processes) process.join();
}

TEST(MatrixLayout, DirectionsOfBlocksAreBlocksOfDirections) {
  const auto M =
      at::stack({random_normal(14, 9, 931), 1e-3 * random_normal(14, 9, 932), 5 * random_normal(14, 9, 933)});
  for (const std::string text :
       {"nsgd", "signum", "row_norm", "col_norm", "scaled_max_entry", "sgd:lambd=2", "neon", "neon:oversample=0",
        "neon:passes=2", "fanion:k=3", "f-neon:alpha=0.3", "d-fanion:k=2", "d-fanion:k=0",
        "d-fanion:k=2,residual=row_norm", "d-fanion:k=2,residual=col_norm", "d-fanion:k=2,residual=frobenius",
        "d-fanion:k=2,residual=clip", "dion:k=2", "0.3*neon + 0.5*fanion:k=2 + 0.2*signum"})
    for (const auto& [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{{3, 1}, {1, 2}, {2, 2}, {1, 1}}) {
      expect_blocks_of_the_whole(text, M, rows, columns);
      if (text != "dion:k=2") expect_blocks_of_the_whole(text, M.mT().contiguous(), rows, columns);
    }
}

TEST(MatrixLayout, OfFloat32OfAnyScale) {
  for (const double size : {1.0, 1e30, 1e-30})
    expect_blocks_of_the_whole("d-fanion:k=2,residual=frobenius",
                               (size * at::stack({with_spectrum(14, 9, geometric(9, 0.5), 934)})), 2, 2);
}

TEST(MatrixLayout, RulesThatNeedWholeMatricesSaySo) {
  const auto M = at::stack({random_normal(4, 3, 935)});
  const MatrixLayout spread{8, 3, [](std::vector<at::Tensor>&) {}};
  for (const std::string text : {"muon", "f-muon", "spectral", "schatten:p=3", "kernel-neon", "ky_fan:k=2",
                                 "d-fanion:k=2,residual=newton_schulz", "neon:svd=lanczos"}) {
    SCOPED_TRACE(text);
    const auto rule = rule_from_name(text);
    auto warm = initial_warm_start(*rule, 8, 3, M.options()).unsqueeze(0);
    EXPECT_VALUE_ERROR(rule->batch_direction(M, warm.numel() > 0 ? &warm : nullptr, &spread),
                       "not for sharded matrices");
  }
  auto warm = random_normal(3, 1, 936).unsqueeze(0);
  EXPECT_VALUE_ERROR(rule_from_name("neon:svd=dense")->batch_direction(M, &warm, &spread), "not for sharded matrices");
  EXPECT_VALUE_ERROR(
      rule_from_name("dion:k=1")
          ->batch_direction(
              M, &warm, (std::make_unique<MatrixLayout>(MatrixLayout{2, 3, [](std::vector<at::Tensor>&) {}})).get()),
      "as their transposes");
}

}  // namespace
}  // namespace fanion::norms
