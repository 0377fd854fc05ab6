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

/// Which of `size` rows or columns `run_of` takes.
MatrixLayout::Share share_of(int64_t size, int64_t i, int64_t count) {
  const int64_t more = size % count;
  return {i * (size / count) + std::min(i, more), size / count + (i < more ? 1 : 0), count};
}

/// The direction and the next warm start of spread matrices: those of the blocks beside those of the whole.
void expect_blocks_of_the_whole(const std::string& text, const at::Tensor& M, int64_t rows, int64_t columns,
                                double tol = 1e-10) {
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
        layout.rows = share_of(M.size(1), i, rows), layout.columns = share_of(M.size(2), j, columns);
        if (rows > 1) layout.over_rows = [&, j](std::vector<at::Tensor>& parts) { of_a_column[j]->add_up(parts); };
        if (columns > 1) layout.over_columns = [&, i](std::vector<at::Tensor>& parts) { of_a_row[i]->add_up(parts); };
        auto own = run_of(first, 1, j, columns);
        const auto M_here = block(M);
        const auto terms = rule->batch_direction(M_here, own.numel() > 0 ? &own : nullptr, &layout);
        const auto D_here = to_dense(terms, M_here);
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(!layout.is_spread() || rule->takes_blocks(layout));
        EXPECT_LE(relative_error(D_here, block(D)), tol);
        EXPECT_LE(relative_error(own, run_of(warm, 1, j, columns)), tol);
      });
  for (auto& process : processes) process.join();
}

TEST(MatrixLayout, DirectionsOfBlocksAreBlocksOfDirections) {
  const auto M =
      at::stack({random_normal(14, 9, 931), 1e-3 * random_normal(14, 9, 932), 5 * random_normal(14, 9, 933)});
  for (const std::string text : {"nsgd",
                                 "signum",
                                 "row_norm",
                                 "col_norm",
                                 "scaled_max_entry",
                                 "sgd:lambd=2",
                                 "neon",
                                 "neon:oversample=0",
                                 "neon:passes=2",
                                 "fanion:k=3",
                                 "f-neon:alpha=0.3",
                                 "d-fanion:k=2",
                                 "d-fanion:k=0",
                                 "d-fanion:k=2,residual=row_norm",
                                 "d-fanion:k=2,residual=col_norm",
                                 "d-fanion:k=2,residual=frobenius",
                                 "d-fanion:k=2,residual=clip",
                                 "dion:k=2",
                                 "dion:k=2,passes=2",
                                 "kernel-neon:lambd=3",
                                 "0.3*neon + 0.5*fanion:k=2 + 0.2*signum"})
    for (const auto& [rows, columns] : std::vector<std::pair<int64_t, int64_t>>{{3, 1}, {1, 2}, {2, 2}, {1, 1}}) {
      expect_blocks_of_the_whole(text, M, rows, columns);
      expect_blocks_of_the_whole(text, M.mT().contiguous(), rows, columns);
    }
}

TEST(MatrixLayout, NewtonSchulzByGramMatricesWhereTheLongSideIsSplit) {
  const auto M = at::stack({random_normal(80, 9, 937), 1e-3 * random_normal(80, 9, 938)});
  for (const std::string text : {"muon", "rms_to_rms:polar=newton_schulz", "f-muon:alpha=0.4",
                                 "muon:ns_norm=schatten_4,ns_steps=4", "muon:ns_coefficients=polar-express"}) {
    expect_blocks_of_the_whole(text, M, 3, 1, 1e-8);
    expect_blocks_of_the_whole(text, M.mT().contiguous(), 1, 2, 1e-8);
  }
  const auto muon = rule_from_name("muon");
  const auto sum = [](std::vector<at::Tensor>&) {};
  const auto takes = [&](int64_t m, int64_t n, bool rows, bool columns, int64_t blocks) {
    MatrixLayout layout{m, n};
    if (rows) layout.over_rows = sum, layout.rows.blocks = blocks;
    if (columns) layout.over_columns = sum, layout.columns.blocks = blocks;
    return muon->takes_blocks(layout);
  };
  EXPECT_TRUE(takes(80, 9, true, false, 4));   // two Gram matrices of 81 entries, blocks of 180
  EXPECT_FALSE(takes(80, 9, true, false, 5));  // of 144
  EXPECT_FALSE(takes(80, 9, false, true, 4));  // the short side
  EXPECT_FALSE(takes(80, 9, true, true, 2));   // both
  EXPECT_TRUE(takes(9, 80, false, true, 4));
}

TEST(MatrixLayout, OfFloat32OfAnyScale) {
  for (const double size : {1.0, 1e30, 1e-30})
    expect_blocks_of_the_whole("d-fanion:k=2,residual=frobenius",
                               (size * at::stack({with_spectrum(14, 9, geometric(9, 0.5), 934)})), 2, 2);
}

TEST(MatrixLayout, RulesThatNeedWholeMatricesSaySo) {
  const auto M = at::stack({random_normal(4, 3, 935)});
  MatrixLayout spread{8, 3, [](std::vector<at::Tensor>&) {}};
  spread.rows.blocks = 2;
  for (const std::string text : {"muon", "f-muon", "spectral", "schatten:p=3", "f-star-neon", "ky_fan:k=2",
                                 "d-fanion:k=2,residual=newton_schulz", "neon:svd=lanczos"}) {
    SCOPED_TRACE(text);
    const auto rule = rule_from_name(text);
    auto warm = initial_warm_start(*rule, 8, 3, M.options()).unsqueeze(0);
    EXPECT_VALUE_ERROR(rule->batch_direction(M, warm.numel() > 0 ? &warm : nullptr, &spread),
                       "not for sharded matrices");
  }
  auto warm = random_normal(3, 1, 936).unsqueeze(0);
  EXPECT_VALUE_ERROR(rule_from_name("neon:svd=dense")->batch_direction(M, &warm, &spread), "not for sharded matrices");
}

}  // namespace
}  // namespace fanion::norms
