#pragma once

#include "fanion/linalg/svd/krylov/krylov_looks.h"
#include "fanion/linalg/svd/krylov/krylov_svd.h"

namespace fanion::linalg {

/// One run of a Krylov method on one basis: expand, look, restart, until the criterion holds.
class KrylovLoop {
 public:
  KrylovLoop(const LinearOperator& A, int64_t k, const InnerOptions& options, const KrylovPlan& plan,
             KrylovBasis& basis);
  /// From a guess, (n, j), or from random columns where that is undefined.
  SvdResult run(const at::Tensor& guess);

  int64_t steps() const { return steps_; }
  /// Whether the run ended because this form of the basis cannot reach tol.
  bool hopeless() const { return hopeless_; }

 private:
  void start(const at::Tensor& guess);
  at::Tensor mixed(const at::Tensor& guess) const;
  void refresh();
  void restart();
  SvdResult finish(SvdReport report, Look seen);
  SvdResult triplets(Look& seen);

  const LinearOperator& A_;
  int64_t k_;
  InnerOptions options_;
  KrylovPlan plan_;
  int64_t limit_;
  KrylovBasis& basis_;
  KrylovLooks looks_;
  int64_t steps_ = 0;
  bool hopeless_ = false;
};

}  // namespace fanion::linalg
