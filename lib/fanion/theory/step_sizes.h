#pragma once

#include <string_view>
#include <vector>

namespace fanion::theory {

/// What the lemmas ask to be known of f, in a norm ‖·‖ with dual ‖·‖†. All finite.
struct ProblemConstants {
  double eps = 0;     ///< ε > 0: the dual norm of the gradient that is wanted
  double L = 0;       ///< L > 0: ‖∇f(X) − ∇f(Y)‖† ≤ L‖X − Y‖ (NuclearNorm A2); `smoothness`, `estimate_smoothness`
  double delta0 = 0;  ///< Δ₀ ≥ 0: f(X₁) − inf f
  double rho = 1;     ///< ρ > 0: ‖X‖† ≤ ρ‖X‖_F (NuclearNorm A3); `MatrixNorm::rho`
  double sigma = 0;   ///< σ ≥ 0: E‖g − ∇f‖²_F ≤ σ² (NuclearNorm A1); `estimate_noise`
};

/// One entry of a min or a max.
struct Term {
  std::string_view formula;
  double value;
};

/// X_{k+1} = X_k + η·lmo(M_k) for k = 1 … K, M_k = (1−α)M_{k−1} + αg(X_k). In this library's step: lr = η,
/// momentum = 1 − α of kind ema, no Nesterov, no weight decay, shape scale none.
struct StepSizes {
  double eta;    ///< the least of `eta_terms`
  double alpha;  ///< the least of `alpha_terms`
  double K;      ///< the largest of `K_terms`, rounded up to a whole number ≥ 1; it may be beyond any integer type
  std::vector<Term> eta_terms, alpha_terms, K_terms;
};

/// Lemma 6 of NuclearNorm, g = ∇f: η = ε/L, α = 1, K = 2LΔ₀/ε². Then min_k ‖∇f(X_k)‖† ≤ ε, k = 1 … K. Ignores ρ and σ.
///
/// NuclearNorm states η = O(ε/L), K = O(LΔ₀/ε²); the constants are ours: those that make `gradient_bound` ε with least
/// K. Throws if a constant is out of range or a result not representable.
StepSizes deterministic_step_sizes(const ProblemConstants& problem);

/// Lemma 7 of NuclearNorm: α = min{1, ε²/(16ρ²σ²)}, η = min{ε/(3L), ε³/(192ρ²σ²L)} and
/// K = max{12ρσ/ε, 192ρ³σ³/ε³, 18LΔ₀/ε², 1152LΔ₀ρ²σ²/ε⁴}. Then E min_k ‖∇f(X_k)‖† ≤ ε, and so is the mean over k.
///
/// NuclearNorm states the same terms under O(·); the constants are ours: half of ε goes to the noise of the momentum, a
/// sixth to each other term of `gradient_bound` (docs/theory.md has the proof). σ = 0 gives α = 1, and K nine times
/// Lemma 6's. Throws as above.
StepSizes stochastic_step_sizes(const ProblemConstants& problem);

/// The terms of the bound (1/K) Σ_k E‖∇f(X_k)‖† ≤ progress + drift + noise + start, for any η, α, K. ε is not used.
struct GradientBound {
  double progress;  ///< Δ₀/(ηK)
  double drift;     ///< Lη/2 + 2Lη(1−α)/α: the step is finite, the momentum is old
  double noise;     ///< 2ρσ√(α/(2−α))
  double start;     ///< 2ρσ/(αK): the first gradients weigh too much
  double total() const { return progress + drift + noise + start; }
};
GradientBound gradient_bound(const ProblemConstants& problem, double eta, double alpha, double K);

}  // namespace fanion::theory
