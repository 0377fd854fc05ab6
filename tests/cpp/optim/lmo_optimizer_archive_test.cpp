#include "fanion/optim/lmo_optimizer.h"

#include <torch/serialize/archive.h>

#include <sstream>

#include "certificates.h"
#include "fanion/optim/presets.h"
#include "optim/optimizer_model.h"
#include "zoo.h"

namespace fanion::optim {
namespace {

using namespace fanion::testing;

std::stringstream saved(const LmoOptimizer& optimizer) {
  std::stringstream file;
  torch::serialize::OutputArchive out;
  optimizer.save(out);
  out.save_to(file);
  return file;
}

void load(LmoOptimizer& optimizer, std::stringstream file) {
  torch::serialize::InputArchive in;
  in.load_from(file);
  optimizer.load(in);
}

TEST(LmoOptimizerArchive, SavedAndLoadedTrajectoryIsBitEqual) {
  const Model model;
  LmoOptimizer optimizer(model.groups());
  for (uint64_t step = 0; step < 2; ++step) model.set_gradients(240 + 10 * step), optimizer.step();

  const Model twin;
  for (std::size_t i = 0; i < 4; ++i) twin.all()[i].copy_(model.all()[i]);
  LmoOptimizer resumed(twin.groups());
  load(resumed, saved(optimizer));
  expect_same_bits(copy_of_state(resumed), copy_of_state(optimizer));

  model.set_gradients(260), twin.set_gradients(260);
  optimizer.step(), resumed.step();
  expect_same_bits(twin.all(), model.all());
}

TEST(LmoOptimizerArchive, AKindOfStateThatTheArchiveLacksIsMadeFresh) {
  const Model model;
  LmoOptimizer older(model.groups()), narrow(model.groups(f_neon({.momentum_dtype = MomentumDtype::bfloat16})));
  model.set_gradients(250);
  older.step(), narrow.step(), narrow.step();
  EXPECT_EQ(narrow.named_state()[2].first, "0.0.momentum_step");
  EXPECT_EQ(narrow.named_state()[2].second.item<double>(), 2);
  load(narrow, saved(older));
  EXPECT_EQ(narrow.named_state()[2].second.item<double>(), 0);
  EXPECT_TRUE(same_bits(narrow.named_state()[0].second, older.named_state()[0].second.to(at::kBFloat16)));
  narrow.step();

  const Model other;
  LmoOptimizer fewer({other.groups()[0]});
  EXPECT_VALUE_ERROR(load(older, saved(fewer)), "the archive has no state of parameter 'gain'");
}

TEST(LmoOptimizerArchive, TrajectoriesWithBfloat16MomentumResumeBitForBit) {
  const auto rule = d_fanion(2, {.lr = 0.02, .momentum_dtype = MomentumDtype::bfloat16});
  const Model model, twin;
  LmoOptimizer whole(model.groups(rule)), first(twin.groups(rule));
  for (uint64_t step = 0; step < 3; ++step) {
    model.set_gradients(400 + 10 * step), twin.set_gradients(400 + 10 * step);
    whole.step(), first.step();
  }
  LmoOptimizer resumed(twin.groups(rule));
  load(resumed, saved(first));
  for (uint64_t step = 3; step < 6; ++step) {
    model.set_gradients(400 + 10 * step), twin.set_gradients(400 + 10 * step);
    whole.step(), resumed.step();
  }
  expect_same_bits(twin.all(), model.all());
  expect_same_bits(copy_of_state(resumed), copy_of_state(whole));
}

TEST(LmoOptimizerArchive, LoadingAnotherModelsStateChangesNothing) {
  const Model model;
  LmoOptimizer optimizer(model.groups());
  LmoOptimizer other({random_normal(8, 6, 195), random_normal(3, 3, 196)}, f_neon());
  const auto before = copy_of_state(optimizer);
  EXPECT_VALUE_ERROR(load(optimizer, saved(other)), "0.1.momentum_buffer has shape [3, 3]");
  expect_same_bits(copy_of_state(optimizer), before);
}

}  // namespace
}  // namespace fanion::optim
