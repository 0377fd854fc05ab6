#include "fanion/optim/error_feedback.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_qr.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros_like.h>

#include "fanion/kernels/skinny_product.h"
#include "fanion/norms/batch_qr.h"

namespace fanion::optim {
namespace {

constexpr double kHeadroom = 0x1p-20;  // so that no entry of Bᵀ U overflows: at most √m times the largest of B

/// An orthonormal basis of U's columns, which are unit ones or zero; those stay zero.
at::Tensor orthonormal(const at::Tensor& U) {
  const auto is_there = at::linalg_vector_norm(U, 2, {{0}}) > 0;
  return std::get<0>(at::linalg_qr(U)) * is_there.to(U.scalar_type());
}

}  // namespace

void check_feedback(const norms::DirectionRule& rule) {
  const int parts = rule.low_rank_parts();
  TORCH_CHECK_VALUE(
      parts == 1, "error_feedback needs a rule with one low-rank part, ", rule.name(), " has ",
      parts == 0 ? c10::str("none") : c10::str(parts),
      "; such are neon, fanion, f-neon, f-fanion, s-fanion, d-fanion with k >= 1, dion, kernel-neon, f-star-neon, "
      "nuclear, ky_fan_dual, f_star_rms, f_star_sum, the spectral norm by an exact polar factor, and sums with one of "
      "them");
}

void feed_back_(const at::Tensor& B, const norms::LowRankTerm& part, bool at_B, double mu,
                const norms::MatrixLayout* layout) {
  norms::LowRankTerm captured{1, part.U, part.V};
  const bool in_range = at_B && (!part.S.device().is_cpu() || part.S.isfinite().all().item<bool>());
  if (in_range) {
    const auto root = part.S.sqrt().to(part.U.scalar_type());  // half on either side: S may overflow where B does not
    captured.U = part.U * root;
    captured.V = part.V * root;
  } else {
    const auto U = layout == nullptr ? orthonormal(part.U)
                                     : norms::batch_qr(part.U.unsqueeze(0), layout->m, layout->over_rows).Q.squeeze(0);
    const auto own = B.numel() > 0 ? kernels::product(B.t(), U * kHeadroom) : at::zeros_like(part.V);
    captured.V = norms::summed_over_rows(own, layout);
    captured.U = U / kHeadroom;
  }
  if (B.numel() == 0) return;  // a block of a spread matrix may have nothing
  auto matrix = B;
  norms::apply_(matrix, {{captured}}, mu - 1);
}

}  // namespace fanion::optim
