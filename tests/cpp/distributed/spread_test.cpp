#include "fanion/distributed/spread.h"

#include "certificates.h"

namespace fanion::distributed {
namespace {

using namespace fanion::testing;
using Sizes = std::vector<int64_t>;

TEST(Spread, ReadsText) {
  const auto spread = spread_from_text("7,3,2,2;0:1:3,3,1:group:with;-1:0:0,0:");
  EXPECT_EQ(spread.sizes, (Sizes{7, 3, 2, 2}));
  ASSERT_EQ(spread.axes.size(), 2);
  EXPECT_EQ(spread.axes[0].dimension, 0);
  EXPECT_EQ(spread.axes[0].rank, 1);
  EXPECT_EQ(spread.axes[0].sizes, (Sizes{3, 3, 1}));
  EXPECT_EQ(spread.axes[0].group, "group:with");
  EXPECT_FALSE(spread.axes[1].splits());
  EXPECT_EQ(spread.block(), (Sizes{3, 3, 2, 2}));
  EXPECT_EQ(spread_from_text("5").sizes, (Sizes{5}));
}

TEST(Spread, RefusesOtherText) {
  EXPECT_VALUE_ERROR(spread_from_text("7,x"), "'x' is no whole number");
  EXPECT_VALUE_ERROR(spread_from_text("7;0:1"), "is no axis");
  EXPECT_VALUE_ERROR(spread_from_text("7;1:0:3,4:g"), "is no axis of a parameter of 1 dimensions");
  EXPECT_VALUE_ERROR(spread_from_text("7;0:2:3,4:g"), "is no axis");
}

TEST(Spread, GradientsToBeAveraged) {
  const auto spread = spread_from_text("7,3;-2:1:0,0,0:g");
  EXPECT_TRUE(spread.is_part());
  EXPECT_EQ(spread.block(), (Sizes{7, 3}));
  const auto layout = layout_of(as_matrix(spread, false));
  EXPECT_TRUE(layout.over_replicas);
  EXPECT_FALSE(layout.over_rows || layout.over_columns);
  EXPECT_TRUE(layout.is_spread() && layout.transposed().over_replicas);
  EXPECT_FALSE(spread_from_text("7,3;-1:1:0,0,0:g").is_part());
  EXPECT_VALUE_ERROR(spread_from_text("7,3;-3:1:0,0,0:g"), "is no axis");
}

TEST(Spread, OfTheMatrixOfAConvolution) {
  const auto rows = as_matrix(spread_from_text("7,3,2,2;0:1:4,3:g"), false);
  EXPECT_EQ(rows.sizes, (Sizes{7, 12}));
  EXPECT_EQ(rows.axes[0].sizes, (Sizes{4, 3}));
  const auto columns = as_matrix(spread_from_text("7,3,2,2;1:0:2,1:g"), false);
  EXPECT_EQ(columns.axes[0].dimension, 1);
  EXPECT_EQ(columns.axes[0].sizes, (Sizes{8, 4}));
  EXPECT_VALUE_ERROR(as_matrix(spread_from_text("7,3,2,2;1:0:2,1:g;2:0:1,1:h"), false),
                     "split along its dimensions 1 and 2");
}

TEST(Spread, OfATransposedMatrix) {
  const auto matrix = as_matrix(spread_from_text("6,4;0:1:3,3:g;-1:0:0,0:h"), true);
  EXPECT_EQ(matrix.sizes, (Sizes{4, 6}));
  EXPECT_EQ(matrix.axes[0].dimension, 1);
  EXPECT_EQ(matrix.axes[1].dimension, -1);
}

TEST(Spread, LayoutSaysWhatIsHere) {
  const auto layout = layout_of(as_matrix(spread_from_text("10,4;0:1:5,5:g;0:1:3,2:h;-1:0:0,0:r"), false));
  EXPECT_EQ(layout.m, 10);
  EXPECT_TRUE(layout.over_rows);
  EXPECT_FALSE(layout.over_columns);
  EXPECT_EQ(layout.rows.first, 8);  // the second half's second part
  EXPECT_EQ(layout.rows.count, 2);
  EXPECT_EQ(layout.rows.blocks, 4);
  EXPECT_EQ(layout.columns.first, 0);
  EXPECT_EQ(layout.columns.count, 4);
  EXPECT_FALSE(layout_of(as_matrix(spread_from_text("10,4;-1:0:0,0:r"), false)).is_spread());
}

}  // namespace
}  // namespace fanion::distributed
