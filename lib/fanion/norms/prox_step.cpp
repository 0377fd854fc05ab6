#include "fanion/norms/prox_step.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <cmath>
#include <utility>
#include <variant>

#include "fanion/dtype_limits.h"
#include "fanion/norms/f_star_rms.h"
#include "fanion/norms/f_star_sum.h"
#include "fanion/norms/nuclear.h"
#include "fanion/norms/rule_text.h"
#include "fanion/power_of_two.h"

namespace fanion::norms {
namespace {

void check_lambda(double lambda) {
  TORCH_CHECK_VALUE(lambda > 0 && std::isfinite(lambda), "lambd = ", lambda, " must be finite and positive");
}

/// Sum of the entries of each matrix in float64: 0-dimensional, or (b, 1, 1).
at::Tensor total(const at::Tensor& X) { return X.sum({-2, -1}, /*keepdim=*/X.dim() == 3, at::kDouble); }

/// M at a scale where ⟨M, L⟩ stays in the range; the host looks at M on the CPU alone.
ScaledSlices scaled(const at::Tensor& M) {
  if (!M.device().is_cpu() || M.dim() == 3) return over_largest(M, at::IntArrayRef{-2, -1});
  auto [X, exponent] = to_middle_of_range(M);
  return {X, at::full({}, exponent, at::kDouble)};
}

/// ⟨M, term⟩.
at::Tensor paired(const at::Tensor& M, const Term& term) {
  if (const auto* t = std::get_if<LowRankTerm>(&term))
    return total(at::matmul(M, t->V.to(M.scalar_type())) * t->U) * t->coef;
  return total(M * to_dense({{term}}, M));
}

/// The term times `factor`, 0-dimensional or (b, 1, 1) float64.
Term times(Term term, const at::Tensor& factor) {
  const auto by = [&](const at::Tensor& X) { return X * factor.to(X.scalar_type()); };
  if (auto* low_rank = std::get_if<LowRankTerm>(&term)) {
    auto S = low_rank->S;  // U stays orthonormal and U diag(S) Vᵀ what it was
    if (S.defined()) {
      const auto own = S.dim() == 2 ? factor.squeeze(2) : factor;
      S = at::where(own > 0, S / own, at::zeros_like(S));
    }
    return LowRankTerm{low_rank->coef, low_rank->U, by(low_rank->V), S};
  }
  if (auto* scaled = std::get_if<ScaledTerm>(&term)) return ScaledTerm{scaled->coef, scaled->M, scaled->scale * factor};
  if (auto* dense = std::get_if<DenseTerm>(&term)) return DenseTerm{dense->coef, by(dense->D)};
  auto rest = std::get<ResidualTerm>(term);
  rest.scale = rest.scale.defined() ? rest.scale * factor : factor;
  return rest;
}

class ProxStep final : public DirectionRule {
 public:
  ProxStep(NormPtr norm, double lambda, std::string name)
      : norm_(std::move(norm)), lambda_(lambda), name_(std::move(name)) {
    check_lambda(lambda);
  }
  std::string name() const override { return name_; }
  Direction direction(const at::Tensor& M, at::Tensor* warm) const override {
    const auto X = working_matrix(M);
    return at_its_length(X, norm_->direction(X, warm));
  }
  bool takes_blocks(const MatrixLayout& layout) const override { return norm_->takes_blocks(layout); }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout* layout) const override {
    return at_its_length(M, norm_->batch_direction(M, warm, layout), layout);
  }
  int64_t warm_columns(int64_t m, int64_t n) const override { return norm_->warm_columns(m, n); }
  int low_rank_parts() const override { return norm_->low_rank_parts(); }
  double nominal_frobenius(int64_t m, int64_t n) const override { return norm_->nominal_frobenius(m, n); }

 private:
  Direction at_its_length(const at::Tensor& M, Direction L, const MatrixLayout* layout = nullptr) const {
    // Blocks have no scale in common: they are paired as they are.
    const bool whole = layout == nullptr || !layout->is_spread();
    const auto [X, exponents] =
        whole ? scaled(M) : ScaledSlices{M, at::zeros({M.size(0), 1, 1}, M.options().dtype(at::kDouble))};
    at::Tensor pairing;
    for (const auto& term : L.terms) pairing = pairing.defined() ? pairing + paired(X, term) : paired(X, term);
    pairing = summed_over_columns(summed_over_rows(pairing, layout), layout);
    const double most = largest_number(M.scalar_type());  // or a rate of 0 would make NaN of it
    const auto length = times_powers_of_two(pairing / -lambda_, exponents.reshape(pairing.sizes())).clamp(-most, most);
    for (auto& term : L.terms) term = times(term, length);
    return L;
  }

  NormPtr norm_;
  double lambda_;
  std::string name_;
};

class Sgd final : public DirectionRule {
 public:
  explicit Sgd(double lambda) : lambda_(lambda) { check_lambda(lambda); }
  std::string name() const override { return "sgd:lambd=" + text_of(lambda_); }
  Direction direction(const at::Tensor& M, at::Tensor*) const override {
    return {{ScaledTerm{-1 / lambda_, M, at::ones({}, M.options().dtype(at::kDouble))}}};
  }
  bool takes_blocks(const MatrixLayout&) const override { return true; }
  Direction batch_direction(const at::Tensor& M, at::Tensor* warm, const MatrixLayout*) const override {
    return direction(M, warm);
  }
  double nominal_frobenius(int64_t, int64_t) const override { return 1; }

 private:
  double lambda_;
};

}  // namespace

RulePtr prox_step(NormPtr norm, double lambda, std::string name) {
  return std::make_shared<ProxStep>(std::move(norm), lambda, std::move(name));
}

RulePtr sgd(double lambda) { return std::make_shared<Sgd>(lambda); }

RulePtr kernel_neon(double lambda, const TripletOptions& triplets) {
  return prox_step(nuclear(triplets), lambda, c10::str("kernel-neon:lambd=", text_of(lambda), ",", text_of(triplets)));
}

RulePtr f_star_neon(FStarForm form, double lambda, const TripletOptions& triplets) {
  const auto norm = form == FStarForm::rms ? f_star_rms(triplets) : f_star_sum(triplets);
  return prox_step(
      norm, lambda,
      c10::str("f-star-neon:form=", find_name(kFStarForms, form), ",lambd=", text_of(lambda), ",", text_of(triplets)));
}

}  // namespace fanion::norms
