"""Optimizers on the polar factor UVᵀ of the momentum M = U diag(σ) Vᵀ, by Newton–Schulz."""

from dataclasses import InitVar

from fanion._arguments import PolarOptimizer


class Muon(PolarOptimizer, rule="muon"):
    """D = −UVᵀ, the LMO of the spectral norm, approximated by `ns_steps` of X ← aX + b(XXᵀ)X + c(XXᵀ)²X.

    Arguments, defaults and steps are torch.optim.Muon's, but for three things. `eps` is 0, so that gradients of any
    size give a full step; torch's 1e-7 shrinks the step where ‖M‖_F < 1e-7, and is yours with eps=1e-7. `ns_dtype`
    None multiplies in bfloat16, as torch always does, on accelerators, and on CPUs that multiply pairs of it for
    matrices with no side below 256; else in the parameter's precision (float32 for 16-bit ones). Convolution weights
    are taken, as out × in·kh·kw.

    `polar`: "newton_schulz", or "exact", by a dense SVD; what follows is then not taken.
    `ns_coefficients`: (a, b, c), a sequence of such, one per step, or a name, "quintic" (the default's) or another of
    `fanion.newton_schulz`. `ns_steps`: 1 to 99, a named list is cut to its first `ns_steps`; None is the number that
    belongs to the coefficients. `ns_dtype`: "float32", "float64" or "bfloat16". `ns_form`: "direct", or "gram", which
    multiplies m × m matrices (m ≤ n) in most steps; None is "auto", which on the CPU is the one with less arithmetic
    for matrices with no side below 256, and else "direct". `ns_norm`: what M is divided by first, "frobenius" (None) or
    "schatten_4", ‖MMᵀ‖_F^½, with which fewer steps do. The other arguments are `LmoOptimizer`'s.
    Cost for m ≤ n: 2·ns_steps·(2m²n + m³) flops, half of that where "gram" is less.
    Source: KyFan Lemma 2; Jordan et al. 2024b.
    """


class FMuon(PolarOptimizer, rule="f-muon"):
    """D = −(α·UVᵀ + (1−α)·M/‖M‖_F), the LMO of the norm with dual α·Σσ + (1−α)·‖M‖_F; UVᵀ as in `Muon`.

    `alpha`: any finite number; outside [0, 1] it is a rule that is no norm's LMO (KyFan §4.2 uses α > 1).
    The other arguments are `Muon`'s. Cost: Muon's plus 4mn flops. Source: KyFan Lemma 4.
    """

    alpha: InitVar[float] = 0.5


class SMuon(PolarOptimizer, rule="s-muon"):
    """D = −(α·UVᵀ + (1−α)·η·sign(M)), the LMO of the norm with dual α·Σσ + (1−α)·η·Σ|m_ij|; UVᵀ as in `Muon`.

    `eta`: η, the size of the sign part's entries, tuned in the paper (0.003 to 0.02). None gives that part the
    Frobenius norm of the other for every shape, η = √(min(m, n)/(mn)), times `scale` (1), which then may be given.
    `alpha`: any finite number; outside [0, 1] it is a rule that is no norm's LMO.
    The other arguments are `Muon`'s. Cost: Muon's plus mn flops. Source: arXiv 2512.09678.
    """

    alpha: InitVar[float] = 0.5
    eta: InitVar[float | None] = None
    scale: InitVar[float | None] = None
