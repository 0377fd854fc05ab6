#include "fanion/no_autocast.h"

#include <ATen/autocast_mode.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/zeros.h>

#include "certificates.h"
#include "fanion/linalg/batched_svd.h"
#include "fanion/linalg/newton_schulz.h"
#include "fanion/linalg/polar.h"
#include "fanion/linalg/svd_method_traits.h"
#include "fanion/norms/dual_sum.h"
#include "fanion/norms/registry.h"
#include "fanion/optim/presets.h"
#include "zoo.h"

namespace fanion {
namespace {

using namespace fanion::testing;

/// torch.autocast on the CPU, which a program in C++ switches on like this.
class Autocast {
 public:
  Autocast() { at::autocast::set_autocast_enabled(at::kCPU, true); }
  ~Autocast() { at::autocast::set_autocast_enabled(at::kCPU, false); }
};

at::Tensor matrix() { return random_normal(60, 40, 931).to(at::kFloat); }

/// `run` gives the same bits inside.
void expect_same(const std::function<std::vector<at::Tensor>()>& run) {
  const auto outside = run();
  const Autocast on;
  ASSERT_EQ(at::matmul(matrix(), matrix().t()).scalar_type(), at::kBFloat16) << "the test is inside of autocast";
  const auto inside = run();
  for (std::size_t i = 0; i < outside.size(); ++i) EXPECT_TRUE(same_bits(inside[i], outside[i])) << i;
  EXPECT_TRUE(at::autocast::is_autocast_enabled(at::kCPU)) << "it goes on afterwards";
}

TEST(NoAutocast, PolarFactors) {
  expect_same([] { return std::vector<at::Tensor>{linalg::polar(matrix()), linalg::newton_schulz(matrix())}; });
}

TEST(NoAutocast, Solvers) {
  for (const auto& row : linalg::svd_methods())
    expect_same([method = row.method] {
      const auto one = linalg::topk_svd(matrix(), 3, {.method = method});
      const auto two = linalg::topk_svd(linalg::DenseOperator(matrix()), 3, {.method = method});
      const auto many = linalg::topk_svd_batch(matrix().view({3, 20, 40}), 3, {.method = method});
      return std::vector<at::Tensor>{one.U, one.S, one.V, two.U, two.S, two.V, many.U, many.S, many.V};
    });
}

TEST(NoAutocast, FunctionsOfTheUserAndProductsOfOperators) {
  expect_same([] {
    const auto A = matrix();
    const linalg::FunctionOperator op(
        60, 40, A.options(), [A](const at::Tensor& V) { return at::matmul(A, V); },
        [A](const at::Tensor& U) { return at::matmul(A.t(), U); });
    const auto svd = linalg::topk_svd(op, 2, {.method = linalg::SvdMethod::lanczos});
    return std::vector<at::Tensor>{svd.U, svd.S, svd.V, op.to_dense(), linalg::DenseOperator(A).apply(A.t())};
  });
}

TEST(NoAutocast, Norms) {
  for (const std::string name : {"spectral", "muon", "f-neon", "nuclear", "f_star_rms", "0.5*spectral + 0.5*row_norm"})
    expect_same([name] {
      const auto norm = norms::norm_from_name(name);
      const auto M = matrix().narrow(0, 0, 7).narrow(1, 0, 6);
      auto found = std::vector<at::Tensor>{norm->value(M), norm->dual(M), norm->minimiser(M), norm->prox(M, 0.5),
                                           norms::to_dense(norm->lmo(M), M)};
      if (name != "muon" && name.find("row_norm") == std::string::npos) found.push_back(norm->project(M));
      return found;
    });
  const auto parts = std::vector<norms::WeightedNorm>{{0.5, norms::norm_from_name("spectral")},
                                                      {0.5, norms::norm_from_name("max_entry")}};
  const double outside = norms::dual_sum_gauge(parts, matrix()).upper;
  const Autocast on;
  EXPECT_EQ(norms::dual_sum_gauge(parts, matrix()).upper, outside);
}

TEST(NoAutocast, Steps) {
  for (const auto& settings : {optim::muon({.lr = 0.1}), optim::fanion(2, {.lr = 0.1})})
    expect_same([&] {
      auto W = matrix().clone().requires_grad_();
      W.mutable_grad() = matrix();
      optim::LmoOptimizer optimizer({{.params = {W}, .settings = settings}});
      optimizer.step();
      optimizer.step();
      return std::vector<at::Tensor>{W.detach()};
    });
}

}  // namespace
}  // namespace fanion
