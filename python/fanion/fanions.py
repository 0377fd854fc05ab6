"""Optimizers on the k leading singular pairs of the momentum M."""

from dataclasses import InitVar

from fanion._arguments import RankOptimizer


class Fanion(RankOptimizer, rule="fanion"):
    """D = −Σ_{i≤k}u_iv_iᵀ, the LMO of the norm max(Σσ/k, σ₁), whose dual is Σ_{i≤k}σ_i.

    `k`: 1 to min(m, n) of every matrix; 1 is Neon, min(m, n) Muon; or `rank_fraction` in (0, 1], of which k is
    ⌈rank_fraction·min(m, n)⌉, as in Dion. `svd`, `passes`, `oversample` are `Neon`'s, the other arguments
    `LmoOptimizer`'s.
    Cost with svd="subspace": 4mn(k + oversample) flops a pass, n(k + oversample) numbers of state.
    Source: KyFan Lemma 6.
    """


class FFanion(RankOptimizer, rule="f-fanion"):
    """D = −(α·Σ_{i≤k}u_iv_iᵀ + (1−α)·M/‖M‖_F), the LMO of the norm with dual α·Σ_{i≤k}σ_i + (1−α)·‖M‖_F.

    `alpha`: any finite number; outside [0, 1] it is a rule that is no norm's LMO (KyFan §4.2 uses α > 1).
    The other arguments are `Fanion`'s. Cost: Fanion's plus 4mn flops. Source: KyFan §2.8.
    """

    alpha: InitVar[float] = 0.5


class SFanion(RankOptimizer, rule="s-fanion"):
    """D = −(α·Σ_{i≤k}u_iv_iᵀ + (1−α)·η·sign(M)), the LMO of the norm with dual α·Σ_{i≤k}σ_i + (1−α)·η·Σ|m_ij|.

    `eta`: η; None is √(k/(mn)), which gives both parts the same Frobenius norm, times `scale` (1).
    `alpha`: any finite number; outside [0, 1] it is a rule that is no norm's LMO.
    The other arguments are `Fanion`'s. Cost: Fanion's plus mn flops. Source: arXiv 2512.09678.
    """

    alpha: InitVar[float] = 0.5
    eta: InitVar[float | None] = None
    scale: InitVar[float | None] = None
