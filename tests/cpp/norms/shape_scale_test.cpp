#include "fanion/norms/shape_scale.h"

#include "certificates.h"

namespace fanion::norms {
namespace {

TEST(ShapeScale, FollowsItsFormula) {
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::original, 12, 3), 2);
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::original, 3, 12), 1);
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::match_rms_adamw, 25, 100), 2);
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::match_rms_adamw, 100, 25), 2);
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::rms_to_rms, 12, 3), 2);
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::rms_to_rms, 3, 12), 0.5);
  EXPECT_DOUBLE_EQ(shape_scale(ShapeScale::none, 7, 100), 1);
}

TEST(ShapeScale, NamesRoundTrip) {
  for (const auto scale : {ShapeScale::original, ShapeScale::match_rms_adamw, ShapeScale::rms_to_rms, ShapeScale::none})
    EXPECT_EQ(shape_scale_from_name(name_of(scale)), scale);
  EXPECT_VALUE_ERROR(shape_scale_from_name("spectral"), "original, match_rms_adamw, rms_to_rms, none");
}

}  // namespace
}  // namespace fanion::norms
