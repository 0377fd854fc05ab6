"""Optimizers whose steps are as long as the momentum says: argmin_X ⟨M, X⟩ + (λ/2)‖X‖² = (‖M‖†/λ)·lmo(M)."""

from dataclasses import InitVar

from fanion._arguments import PlainOptimizer, TripletOptimizer


class SGD(PlainOptimizer, rule="sgd"):
    """D = −M/λ, the prox step of the Frobenius norm.

    Steps, and defaults but for the order of the arguments, are torch.optim.SGD's: momentum is a sum. `lambd`: λ > 0.
    The other arguments are `LmoOptimizer`'s. Cost: 2mn flops. Source: Proposal eq. 1.
    """

    adjust_lr_fn: InitVar[str | None] = "none"
    momentum_kind: InitVar[str] = "sum"
    lambd: InitVar[float] = 1.0


class KernelNeon(TripletOptimizer, rule="kernel-neon"):
    """D = −σ₁u₁v₁ᵀ/λ, the prox step of the nuclear norm.

    The step's length follows the momentum's, so `momentum_kind` "sum" takes steps 1/(1−μ) times those of "ema".
    `lambd`: λ > 0. The other arguments are `Neon`'s. Cost: Neon's plus 2mn flops. Source: Proposal eq. 4; Poster.
    """

    adjust_lr_fn: InitVar[str | None] = "none"
    lambd: InitVar[float] = 1.0


class FStarNeon(TripletOptimizer, rule="f-star-neon"):
    """D = −(2/λ)·U diag([σ_i − τ]_+)Vᵀ, Σ[σ_i − τ]_+ = τ: the prox step of √((‖X‖_F² + ‖X‖_nuc²)/2).

    `form`: "rms", that one; "sum", the prox step of (‖X‖_F + ‖X‖_nuc)/2, along U diag([σ_i − τ]_+)Vᵀ with
    Σ[σ_i − τ]²_+ = τ². `lambd`: λ > 0. Triplets are found until one has σ_k ≤ τ.
    The other arguments are `KernelNeon`'s. Cost: that of the triplets and 2mn flops each. Source: Proposal eq. 6.
    """

    adjust_lr_fn: InitVar[str | None] = "none"
    form: InitVar[str] = "rms"
    lambd: InitVar[float] = 1.0
