#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>
#include <variant>
#include <vector>

namespace fanion::norms {

/// coef · U Vᵀ, with U (m, k) and V (n, k).
struct LowRankTerm {
  double coef;
  at::Tensor U, V;
  /// (k,): where U has orthonormal columns (or zeros), with U diag(S) Vᵀ = U Uᵀ M: what the term has captured of M,
  /// singular values where V has unit columns, the singular vectors. float64 where M was taken at another scale.
  /// Undefined where a term is something else.
  at::Tensor S = {};
};

/// coef · scale · M, with a 0-dimensional `scale` that stays on the device.
struct ScaledTerm {
  double coef;
  at::Tensor M, scale;
};

/// coef · D, a matrix that had to be formed.
struct DenseTerm {
  double coef;
  at::Tensor D;
};

/// How the rest of a deflated matrix is flattened: N(R) in docs/conventions.md.
enum class ResidualMap {
  sign,           ///< sign(R), elementwise
  row_norm,       ///< every row of R over its 2-norm; a zero row stays zero
  col_norm,       ///< every column of R over its 2-norm; a zero column stays zero
  frobenius,      ///< R / ‖R‖_F
  clip,           ///< R / σ_{k+1}
  newton_schulz,  ///< a few Newton–Schulz steps of R: a matrix that its rule forms, and no `ResidualTerm`
};

/// coef · N(M − L Vᵀ): a map of what a low-rank part leaves of M. L (m, k), V (n, k); undefined: N(M).
struct ResidualTerm {
  double coef;
  ResidualMap map;
  at::Tensor M, L, V;
  /// 0-dimensional: 1/σ_{k+1} for `clip`; for the others 0 where R is only rounding, else 1, or undefined for 1.
  at::Tensor scale;
};

using Term = std::variant<LowRankTerm, ScaledTerm, DenseTerm, ResidualTerm>;

/// An m × n update as a short sum of terms, so that a low-rank step never forms an m × n temporary. That of a batch has
/// the same terms with the batch first, scales as (b, 1, 1).
struct Direction {
  std::vector<Term> terms;

  Direction& operator*=(double factor);
  Direction& operator+=(Direction other);
};

/// The term that captures a part of M (`LowRankTerm::S`), the first if there are several; nothing where there is none.
const LowRankTerm* capturing_term(const Direction& D);

/// W ← decay·W + step·D, in place. W: (m, n), or (b, m, n) for a batch; any float dtype; terms are converted to it.
void apply_(at::Tensor& W, const Direction& D, double step, double decay = 1);

/// D as a tensor. `like` gives shape, dtype and device.
at::Tensor to_dense(const Direction& D, const at::Tensor& like);

/// R = M − L Vᵀ of a term, before its map.
at::Tensor residual_of(const ResidualTerm& term);

ResidualMap residual_map_from_name(std::string_view name);
std::string_view name_of(ResidualMap map);

}  // namespace fanion::norms
