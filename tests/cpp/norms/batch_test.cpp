#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "norms/norm_cases.h"
#include "zoo.h"

namespace fanion::norms {
namespace {

using namespace fanion::testing;

struct Operation {
  std::string name;
  std::function<at::Tensor(const MatrixNorm&, const at::Tensor&)> run;
};

/// Every operation that takes batches and that the norm of the case has.
std::vector<Operation> operations(const NormCase& c) {
  std::vector<Operation> all = {
      {"dual", [](const MatrixNorm& norm, const at::Tensor& X) { return norm.dual(X); }},
      {"minimiser", [](const MatrixNorm& norm, const at::Tensor& X) { return norm.minimiser(X); }},
      {"prox", [](const MatrixNorm& norm, const at::Tensor& X) { return norm.prox(X, 0.7); }}};
  if (c.has_value) all.push_back({"value", [](const MatrixNorm& norm, const at::Tensor& X) { return norm.value(X); }});
  if (c.has_projection)
    all.push_back({"project", [](const MatrixNorm& norm, const at::Tensor& X) { return norm.project(X); }});
  return all;
}

TEST(Batch, IsTheLoopBitForBit) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16, at::kHalf}) {
    const auto first = random_normal(6, 5, 431).to(dtype), last = 5 * random_normal(6, 5, 432).to(dtype);
    // A permuted batch: no matrix of it is contiguous.
    const auto batch = at::stack({first, at::zeros_like(first), last}, 2).permute({2, 0, 1});
    for (const auto& c : norm_cases(6, 5))
      for (const auto& [name, run] : operations(c)) {
        const auto loop = at::stack({run(*c.norm, batch[0]), run(*c.norm, batch[1]), run(*c.norm, batch[2])});
        const auto result = run(*c.norm, batch);
        EXPECT_EQ(result.scalar_type(), dtype == at::kDouble ? at::kDouble : at::kFloat);
        EXPECT_TRUE(same_bits(result, loop)) << c.name << " " << name << " " << dtype;
      }
  }
}

TEST(Batch, OfNoMatricesHasTheShapeOfItsResults) {
  for (const auto& c : norm_cases(6, 5))
    for (const auto& [name, run] : operations(c)) {
      SCOPED_TRACE(c.name + " " + name);
      const auto result = run(*c.norm, at::zeros({0, 6, 5}, at::kBFloat16));
      const bool number = name == "value" || name == "dual";
      EXPECT_EQ(result.sizes(), number ? at::IntArrayRef({0}) : at::IntArrayRef({0, 6, 5}));
      EXPECT_EQ(result.scalar_type(), at::kFloat);
    }
}

TEST(Batch, MinimiserIsTheLmo) {
  const auto M = random_normal(6, 5, 433);
  for (const auto& c : norm_cases(6, 5))
    EXPECT_TRUE(same_bits(c.norm->minimiser(M), to_dense(c.norm->lmo(M), M))) << c.name;
}

TEST(Batch, RefusesMatricesWithoutEntriesAndOtherDimensions) {
  for (const auto& c : norm_cases(6, 5))
    for (const auto& [name, run] : operations(c)) {
      SCOPED_TRACE(c.name + " " + name);
      for (const auto& shape : std::vector<std::vector<int64_t>>{{0, 5}, {6, 0}, {2, 0, 5}, {0, 6, 0}})
        EXPECT_VALUE_ERROR(run(*c.norm, at::zeros(shape, at::kFloat)), "at least one entry");
      EXPECT_VALUE_ERROR(run(*c.norm, at::zeros({6}, at::kFloat)), "2-dimensional");
      EXPECT_VALUE_ERROR(run(*c.norm, at::zeros({2, 2, 6, 5}, at::kFloat)), "2-dimensional");
    }
}

TEST(Batch, NamesTheMatrixWithNanOrInfiniteEntries) {
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()}) {
    auto M = random_normal(6, 5, 434);
    M[2][3] = bad;
    const auto batch = at::stack({random_normal(6, 5, 435), M});
    for (const auto& c : norm_cases(6, 5)) {
      for (const auto& [name, run] : operations(c)) {
        SCOPED_TRACE(c.name + " " + name);
        EXPECT_VALUE_ERROR(run(*c.norm, M), "the matrix has 1 NaN or infinite entries out of 30");
        EXPECT_VALUE_ERROR(run(*c.norm, batch), "matrix 1 of the batch has 1 NaN or infinite entries out of 30");
      }
      EXPECT_VALUE_ERROR(c.norm->lmo(M), "the matrix has 1 NaN");
    }
  }
}

TEST(Batch, RefusesKThatDoesNotFitEvenWhenEmpty) {
  for (const auto& c : norm_cases(7, 7)) {
    if (c.name != "ky_fan_7" && c.name != "ky_fan_dual_7") continue;
    EXPECT_VALUE_ERROR(c.norm->warm_columns(6, 5), "k = 7 is out of range");
    for (const auto& [name, run] : operations(c))
      for (const int64_t b : {0, 2})
        EXPECT_VALUE_ERROR(run(*c.norm, at::zeros({b, 6, 5}, at::kFloat)), "k = 7 is out of range");
  }
}

}  // namespace
}  // namespace fanion::norms
