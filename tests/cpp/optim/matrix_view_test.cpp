#include "fanion/optim/matrix_view.h"

#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

TEST(MatrixView, IsOutByTheRestAndSharesStorage) {
  const auto conv = random_normal(6, 12, 301).view({6, 3, 2, 2});
  const auto M = matrix_view(conv);
  EXPECT_EQ(M.sizes(), (at::IntArrayRef{6, 12}));
  EXPECT_TRUE(M.is_alias_of(conv));
  EXPECT_EQ(matrix_shape(conv), (std::pair<int64_t, int64_t>{6, 12}));
  const auto batch_like = matrix_view(random_normal(4, 6, 302).view({4, 2, 3}));
  EXPECT_EQ(batch_like.sizes(), (at::IntArrayRef{4, 6}));
}

TEST(MatrixView, LeavesMatricesAsTheyAre) {
  const auto A = random_normal(5, 4, 303).t();
  EXPECT_TRUE(matrix_view(A).is_same(A));
}

TEST(MatrixView, ChannelsLastIsReadInTheSameOrder) {
  const auto conv = random_normal(6, 12, 304).view({6, 3, 2, 2});
  EXPECT_TRUE(same_bits(matrix_view(conv.contiguous(at::MemoryFormat::ChannelsLast)), matrix_view(conv)));
}

TEST(MatrixView, RefusesVectors) {
  EXPECT_VALUE_ERROR(matrix_view(at::zeros({5}, at::kFloat)), "AdamW");
  EXPECT_VALUE_ERROR(matrix_view(at::zeros({}, at::kFloat)), "at least 2 dimensions");
  EXPECT_EQ(matrix_shape(at::zeros({0, 3, 2}, at::kFloat)), (std::pair<int64_t, int64_t>{0, 6}));
}

}  // namespace
}  // namespace fanion::optim
