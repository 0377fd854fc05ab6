#include "fanion/linalg/cost_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "certificates.h"
#include "fanion/linalg/topk_svd.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

/// A file of the test's own, removed with it.
class CostFile {
 public:
  explicit CostFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("fanion-costs-" + std::to_string(::getpid()) + ".json")) {
    std::ofstream(path_) << text;
  }
  ~CostFile() { std::filesystem::remove(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

std::string refusal(const std::string& text) {
  const CostFile file(text);
  try {
    read_costs(file.path());
  } catch (const c10::Error& e) {
    return e.what_without_backtrace();
  }
  return "";
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

TEST(CostModel, TheFileHoldsAllOfTheCosts) {
  auto costs = default_costs();
  costs.step = 0.25;
  costs.float64.gram[3] = 1.0 / 3;
  const CostFile file(to_json(costs));
  const auto read = read_costs(file.path());
  EXPECT_EQ(read.step, 0.25);
  EXPECT_EQ(read.float64.gram, costs.float64.gram);
  EXPECT_EQ(read.float32.svd, costs.float32.svd);
  EXPECT_EQ(read.eigh, costs.eigh);
  EXPECT_EQ(read.float32.gemm, costs.float32.gemm);
  EXPECT_EQ(read.float32.basis, costs.float32.basis);
}

TEST(CostModel, OlderFilesAreReadByTheirNames) {
  auto costs = default_costs();
  costs.float32.gemm = 0.5;
  costs.float64.gemm = 0.25;
  const auto good = to_json(costs);
  for (const auto& text : {replaced(good, "float32", "single"), replaced(good, "float64", "twice"),
                           replaced(replaced(good, "float32", "single"), "float64", "twice")}) {
    const CostFile file(text);
    const auto read = read_costs(file.path());
    EXPECT_EQ(read.float32.gemm, 0.5) << text;
    EXPECT_EQ(read.float64.gemm, 0.25) << text;
  }
}

TEST(CostModel, DamagedFilesAreRefusedByName) {
  const auto good = to_json(default_costs());
  EXPECT_NE(refusal("").find("no JSON object"), std::string::npos);
  EXPECT_NE(refusal("[1]").find("no JSON object"), std::string::npos);
  EXPECT_NE(refusal(replaced(good, "\"step\"", "\"stop\"")).find("'step' is missing"), std::string::npos);
  EXPECT_NE(refusal(replaced(good, "\"float64\"", "\"float96\"")).find("'float64' is missing"), std::string::npos);
  EXPECT_NE(refusal(replaced(good, "\"gemm\": ", "\"gemm\": -")).find("'gemm' must be positive"), std::string::npos);
  EXPECT_NE(refusal(replaced(good, "\"gemm\": ", "\"gemm\": \"a\", \"x\": ")).find("'gemm' is missing or not"),
            std::string::npos);
  EXPECT_NE(refusal("[").find(std::to_string(::getpid())), std::string::npos) << "the message names the file";
  EXPECT_THROW(read_costs("/no/such/costs.json"), c10::Error);
}

TEST(CostModel, StepsGrowWithAccuracyAndSize) {
  const SvdShape shape{.m = 1000, .n = 1000, .k = 10};
  const auto steps = [&](auto change) {
    auto changed = shape;
    change(changed);
    return krylov_steps(changed);
  };
  const double base = krylov_steps(shape);
  EXPECT_GT(steps([](SvdShape& s) { s.tol = 1e-6; }), base);
  EXPECT_GT(steps([](SvdShape& s) { s.m = s.n = 4000; }), base);
  EXPECT_LT(steps([](SvdShape& s) { s.warm = true; }), base);
  EXPECT_LT(steps([](SvdShape& s) { s.block = 32; }), base);
  EXPECT_LE(steps([](SvdShape& s) { s.criterion = SvdCriterion::lmo_gap; }), base);
  EXPECT_EQ(krylov_steps({.m = 1000, .n = 500, .k = 3}), krylov_steps({.m = 500, .n = 1000, .k = 3}));
  EXPECT_LE(krylov_steps({.m = 64, .n = 64, .k = 8, .tol = 1e-12}), 64.0 / 8) << "the space is full by then";
}

/// The measured steps on a Gaussian matrix; the documented 20 % and a step of the schedule that looks are allowed for.
TEST(CostModel, StepsAreThoseOfARandomMatrix) {
  const auto A = testing::random_normal(500, 500, 1).to(at::kFloat);
  for (const int64_t k : {1, 10, 50}) {
    const auto report = topk_svd(A, k, {.method = SvdMethod::block_krylov, .block = 8}).report;
    const double steps = krylov_steps({.m = 500, .n = 500, .k = k, .block = 8});
    const double measured = static_cast<double>(report.products) / 16;
    EXPECT_LT(std::abs(steps - measured), 0.3 * measured) << k << ": " << steps << " predicted, " << measured;
  }
}

TEST(CostModel, SecondsFollowTheRates) {
  const auto costs = default_costs();
  auto slow = costs;
  for (auto& each : slow.float32.svd) each *= 3;
  const SvdShape shape{.m = 256, .n = 256, .k = 10};
  EXPECT_DOUBLE_EQ(lapack_seconds(shape, costs), costs.float32.svd[2]) << "a measured size";
  EXPECT_DOUBLE_EQ(lapack_seconds(shape, slow), 3 * costs.float32.svd[2]);
  const SvdShape tall{.m = 20000, .n = 256, .k = 10};
  EXPECT_LT(gram_seconds(tall, costs), lapack_seconds(tall, costs));
  EXPECT_EQ(predicted_seconds(SvdMethod::dense, tall, costs), gram_seconds(tall, costs)) << "the lesser of the two";
  EXPECT_EQ(predicted_seconds(SvdMethod::block_krylov, shape, slow),
            predicted_seconds(SvdMethod::block_krylov, shape, costs));
  EXPECT_GT(predicted_seconds(SvdMethod::dense, {.m = 4096, .n = 4096, .k = 1}, costs),
            16 * predicted_seconds(SvdMethod::dense, {.m = 1024, .n = 1024, .k = 1}, costs));
  const SvdShape two{.m = 2000, .n = 1000, .k = 4, .criterion = SvdCriterion::passes, .passes = 2};
  auto four = two;
  four.passes = 4;
  EXPECT_DOUBLE_EQ(predicted_seconds(SvdMethod::subspace, four, costs),
                   2 * predicted_seconds(SvdMethod::subspace, two, costs));
  EXPECT_THROW(predicted_seconds(SvdMethod::subspace, shape, costs), c10::Error);
  EXPECT_VALUE_ERROR(predicted_seconds(SvdMethod::power, shape, costs),
                     "method 'power' has no cost model; these have: block_krylov, subspace, dense");
}

TEST(CostModel, ChoicesAtTheExtremesAreClear) {
  const auto costs = default_costs();
  const auto dense_wins = [&](const SvdShape& shape) {
    return predicted_seconds(SvdMethod::dense, shape, costs) < predicted_seconds(SvdMethod::block_krylov, shape, costs);
  };
  EXPECT_TRUE(dense_wins({.m = 50, .n = 50, .k = 5}));
  EXPECT_TRUE(dense_wins({.m = 400, .n = 400, .k = 200}));
  EXPECT_FALSE(dense_wins({.m = 5000, .n = 5000, .k = 1}));
  EXPECT_FALSE(dense_wins({.m = 5000, .n = 5000, .k = 100}));
  EXPECT_FALSE(dense_wins({.m = 2000, .n = 2000, .k = 10, .in_double = true}));
}

}  // namespace
}  // namespace fanion::linalg
