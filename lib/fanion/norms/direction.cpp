#include "fanion/norms/direction.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/baddbmm.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/sign.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <cmath>
#include <limits>

#include "fanion/in_dtype.h"
#include "fanion/kernels/dense_steps.h"
#include "fanion/names.h"
#include "fanion/no_autocast.h"
#include "fanion/over_norm.h"

namespace fanion::norms {
namespace {

constexpr std::array<Named<ResidualMap>, 6> kMaps{{{ResidualMap::sign, "sign"},
                                                   {ResidualMap::row_norm, "row_norm"},
                                                   {ResidualMap::col_norm, "col_norm"},
                                                   {ResidualMap::frobenius, "frobenius"},
                                                   {ResidualMap::clip, "clip"},
                                                   {ResidualMap::newton_schulz, "newton_schulz"}}};

at::Tensor mapped_residual(const ResidualTerm& t) {
  const auto R = residual_of(t);
  switch (t.map) {
    case ResidualMap::sign: return at::sign(R);
    case ResidualMap::row_norm: return over_norm(R, {{-1}});
    case ResidualMap::col_norm: return over_norm(R, {{-2}});
    case ResidualMap::frobenius: return over_norm(R, {{-2, -1}});
    case ResidualMap::clip: return R * t.scale.to(R.scalar_type());
    case ResidualMap::newton_schulz: break;
  }
  TORCH_INTERNAL_ASSERT(false);
}

/// W ← decay·W + step·term, in one sweep where there is one for that.
struct Adder {
  at::Tensor& W;
  double step, decay;

  void operator()(const LowRankTerm& t) const {
    if (W.dim() == 3) {
      W.baddbmm_(t.U.to(W.scalar_type()), t.V.to(W.scalar_type()).mT(), decay, step * t.coef);
      return;
    }
    if (kernels::takes_low_rank(W, t.U.size(1))) return kernels::add_low_rank_(W, t.U, t.V, decay, step * t.coef);
    W.addmm_(t.U.to(W.scalar_type()), t.V.to(W.scalar_type()).t(), decay, step * t.coef);
  }
  void operator()(const ScaledTerm& t) const {
    if (t.scale.dim() == 0 && kernels::alike_in_memory(W, t.M)) {
      const double factor = step * t.coef * t.scale.item<double>();
      if (std::abs(factor) < std::numeric_limits<float>::max()) return kernels::blend_(W, t.M, decay, factor);
    }
    fade();
    const auto scale = t.scale.to(t.M.scalar_type());
    if (W.scalar_type() == t.M.scalar_type())
      W.addcmul_(t.M, scale, step * t.coef);  // M is read once and no matrix is formed
    else
      W.add_(t.M * scale, step * t.coef);  // scaled before it is narrowed: float16 holds neither M nor 1/‖M‖
  }
  void operator()(const DenseTerm& t) const {
    if (kernels::alike_in_memory(W, t.D)) return kernels::blend_(W, t.D, decay, step * t.coef);
    fade();
    W.add_(t.D, step * t.coef);
  }
  void operator()(const ResidualTerm& t) const {
    const bool on_host = !t.scale.defined() || t.scale.device().is_cpu();
    if (t.map == ResidualMap::sign && on_host && W.dim() == 2 && W.is_contiguous() &&
        kernels::alike_in_memory(W, t.M)) {
      const double scale = t.scale.defined() ? t.scale.item<double>() : 1;
      return kernels::add_sign_(W, t.M, t.L, t.V, decay, step * t.coef * scale);
    }
    fade();
    if (t.scale.defined() && t.map != ResidualMap::clip)
      W.addcmul_(mapped_residual(t).to(W.scalar_type()), t.scale.to(W.scalar_type()), step * t.coef);
    else
      W.add_(mapped_residual(t), step * t.coef);
  }

 private:
  void fade() const {
    if (decay != 1) W.mul_(decay);
  }
};

}  // namespace

Direction& Direction::operator*=(double factor) {
  for (auto& term : terms) std::visit([&](auto& t) { t.coef *= factor; }, term);
  return *this;
}

Direction& Direction::operator+=(Direction other) {
  terms.insert(terms.end(), std::make_move_iterator(other.terms.begin()), std::make_move_iterator(other.terms.end()));
  return *this;
}

const LowRankTerm* capturing_term(const Direction& D) {
  for (const auto& term : D.terms)
    if (const auto* part = std::get_if<LowRankTerm>(&term); part != nullptr && part->S.defined()) return part;
  return nullptr;
}

void apply_(at::Tensor& W, const Direction& D, double step, double decay) {
  const NoAutocast whole;
  if (D.terms.empty() && decay != 1) W.mul_(decay);
  for (std::size_t i = 0; i < D.terms.size(); ++i) std::visit(Adder{W, step, i == 0 ? decay : 1}, D.terms[i]);
}

namespace {

/// A term of a batch as a new tensor, without zeros to add it to.
struct FirstOfBatch {
  at::ScalarType dtype;
  at::Tensor operator()(const LowRankTerm& t) const {
    return at::bmm(in_dtype(t.U, dtype) * t.coef, in_dtype(t.V, dtype).mT());
  }
  at::Tensor operator()(const ScaledTerm& t) const { return in_dtype(t.M, dtype) * (t.scale * t.coef).to(dtype); }
  at::Tensor operator()(const DenseTerm& t) const { return in_dtype(t.D, dtype) * t.coef; }
  at::Tensor operator()(const ResidualTerm& t) const {
    const auto N = in_dtype(mapped_residual(t), dtype);
    return t.scale.defined() && t.map != ResidualMap::clip ? N * (t.scale * t.coef).to(N.scalar_type()) : N * t.coef;
  }
};

}  // namespace

at::Tensor to_dense(const Direction& D, const at::Tensor& like) {
  if (like.dim() == 3 && !D.terms.empty()) {
    const NoAutocast whole;
    auto W = std::visit(FirstOfBatch{like.scalar_type()}, D.terms[0]);
    apply_(W, {{D.terms.begin() + 1, D.terms.end()}}, 1);
    return W;
  }
  auto W = at::zeros_like(like);
  apply_(W, D, 1);
  return W;
}

at::Tensor residual_of(const ResidualTerm& t) {
  if (!t.L.defined()) return t.M;
  const auto L = t.L.to(t.M.scalar_type()), V = t.V.to(t.M.scalar_type());
  return t.M.dim() == 3 ? at::baddbmm(t.M, L, V.mT(), 1, -1) : at::addmm(t.M, L, V.t(), 1, -1);
}

ResidualMap residual_map_from_name(std::string_view name) { return parse_name(kMaps, name, "residual map"); }
std::string_view name_of(ResidualMap map) { return find_name(kMaps, map); }

}  // namespace fanion::norms
