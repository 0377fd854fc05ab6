#pragma once

#include <chrono>
#include <exception>

#include "fanion/linalg/linear_operator.h"

namespace fanion::tasks {

/// Thrown by a product after the time is up.
struct TimeIsUp : std::exception {};

/// A matrix whose products stop being given after some seconds from now: what ends a solver that is too slow.
/// One product is never cut short; `base` must outlive it.
class LimitedOperator final : public linalg::LinearOperator {
 public:
  LimitedOperator(const linalg::LinearOperator& base, double seconds)
      : LinearOperator(base.rows(), base.cols(), base.options()),
        base_(base),
        end_(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds))) {}

  int64_t gram_reads(int64_t columns) const override { return base_.gram_reads(columns); }
  int64_t adjoint_gram_reads(int64_t columns) const override { return base_.adjoint_gram_reads(columns); }
  std::optional<double> frobenius_squared() const override { return base_.frobenius_squared(); }
  bool is_formed() const override { return base_.is_formed(); }
  at::Tensor to_dense() const override { return base_.to_dense(); }

 private:
  using Clock = std::chrono::steady_clock;
  using Pair = std::pair<at::Tensor, at::Tensor>;
  const linalg::LinearOperator& in_time() const {
    if (Clock::now() >= end_) throw TimeIsUp{};
    return base_;
  }
  at::Tensor product(const at::Tensor& V) const override { return in_time().apply(V); }
  at::Tensor adjoint_product(const at::Tensor& U) const override { return in_time().apply_adjoint(U); }
  Pair gram_product(const at::Tensor& V) const override { return in_time().apply_gram(V); }
  Pair adjoint_gram_product(const at::Tensor& U) const override { return in_time().apply_adjoint_gram(U); }

  const linalg::LinearOperator& base_;
  Clock::time_point end_;
};

}  // namespace fanion::tasks
