#include "fanion/linalg/svd_method_traits.h"

#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <set>

#include "certificates.h"
#include "fanion/linalg/topk_svd.h"
#include "zoo.h"

namespace fanion::linalg {
namespace {

using namespace fanion::testing;

TEST(SvdMethodTraits, EveryMethodHasOneRow) {
  // The compiler warns of a value that is left out here.
  const auto listed = [](SvdMethod method) {
    switch (method) {
      case SvdMethod::automatic:
      case SvdMethod::dense:
      case SvdMethod::lanczos:
      case SvdMethod::block_krylov:
      case SvdMethod::subspace:
      case SvdMethod::randomized:
      case SvdMethod::power: return true;
    }
    return false;
  };
  std::set<SvdMethod> seen;
  std::set<std::string_view> names;
  for (const auto& row : svd_methods()) {
    EXPECT_TRUE(listed(row.method)) << row.name;
    EXPECT_TRUE(seen.insert(row.method).second) << row.name;
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_EQ(svd_method_from_name(row.name), row.method);
    EXPECT_EQ(name_of(row.method), row.name);
    EXPECT_EQ(row.run == nullptr, row.method == SvdMethod::automatic) << row.name;
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(SvdMethod::power) + 1);
}

TEST(SvdMethodTraits, TheReportNamesTheMethodThatRan) {
  const auto A = random_normal(30, 20, 1);
  for (const auto& row : svd_methods()) {
    const auto report = topk_svd(A, 3, {.method = row.method}).report;
    if (row.method != SvdMethod::automatic) {
      EXPECT_EQ(report.method, row.method) << row.name;
    }
    EXPECT_NE(report.method, SvdMethod::automatic);
  }
}

TEST(SvdMethodTraits, WhatTakesPassesStopsAfterThem) {
  const auto A = random_normal(60, 50, 2);
  for (const auto& row : svd_methods()) {
    const auto report = topk_svd(A, 3, {.method = row.method, .criterion = SvdCriterion::passes, .passes = 3}).report;
    EXPECT_EQ(report.status == SvdStatus::passes, row.takes_passes()) << row.name;
  }
}

TEST(SvdMethodTraits, ASampledStartIsForTheKrylovMethods) {
  const auto A = random_normal(60, 50, 3).to(at::kFloat);
  for (const auto& row : svd_methods()) {
    const SvdOptions options{
        .method = row.method, .criterion = SvdCriterion::passes, .passes = 3, .start = SvdStart::sampled};
    if (row.krylov) {
      EXPECT_EQ(topk_svd(A, 2, options).S.size(0), 2) << row.name;
    } else {
      EXPECT_VALUE_ERROR(topk_svd(A, 2, options), "with methods auto, block_krylov, lanczos, without a warm start");
    }
  }
}

TEST(SvdMethodTraits, ABatchIsWhatItsMatricesAre) {
  const auto A = random_normal(60, 50, 4).reshape({3, 20, 50});
  for (const auto& row : svd_methods()) {
    if (row.batch == nullptr) continue;
    const auto all = row.batch(A, 2, {});
    ASSERT_EQ(all.size(), 3) << row.name;
    for (int64_t i = 0; i < 3; ++i)
      EXPECT_LE((all[i].S - topk_svd(A[i], 2, {.method = row.method}).S).abs().max().item<double>(), 1e-12) << row.name;
  }
}

}  // namespace
}  // namespace fanion::linalg
