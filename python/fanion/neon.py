"""Optimizers on the leading singular pair u₁v₁ᵀ of the momentum M."""

from dataclasses import InitVar

from fanion._arguments import TripletOptimizer


class Neon(TripletOptimizer, rule="neon"):
    """D = −u₁v₁ᵀ, the LMO of the nuclear norm.

    `svd`: how the pair is found. "subspace": `passes` (1) block power passes with `oversample` (1; for k triplets k/2,
    1 to 4) extra columns, started from the last step's; "lanczos": to 1e-5, "dense": by LAPACK, "auto": one of these
    two, and these three refuse the other two options.
    The other arguments are `LmoOptimizer`'s.
    Cost with "subspace": 4mn(1 + oversample) flops a pass, n(1 + oversample) numbers of state.
    Source: KyFan Lemma 3.
    """


class FNeon(TripletOptimizer, rule="f-neon"):
    """D = −(α·u₁v₁ᵀ + (1−α)·M/‖M‖_F), the LMO of the norm with dual α·σ₁ + (1−α)·‖M‖_F.

    `alpha`: any finite number; outside [0, 1] it is a rule that is no norm's LMO (KyFan §4.2 uses α > 1).
    The other arguments are `Neon`'s. Cost: Neon's plus 4mn flops. Source: KyFan Lemma 5.
    """

    alpha: InitVar[float] = 0.5
