"""The optimizer on the k leading singular pairs of the momentum M and a map of the rest."""

from dataclasses import InitVar
from types import MappingProxyType

from fanion._arguments import Coefficients, RankOptimizer


class DFanion(RankOptimizer, rule="d-fanion"):
    """D = −(Σ_{i≤k}u_iv_iᵀ + c·N(R)), R = M − Σ_{i≤k}σ_iu_iv_iᵀ, ‖c·N(R)‖_F = √(min(m, n) − k).

    `residual`: N(R) is "sign" sign(R), "row_norm" ("col_norm") every row (column) of R over its 2-norm, "frobenius"
    R/‖R‖_F, "clip" R/σ_{k+1} with c = 1, or "newton_schulz" `ns_steps` (2) Newton–Schulz steps of R over its Schatten-4
    norm (`ns_norm`), which are for it alone, as are `Muon`'s `ns_coefficients`, `ns_dtype`, `ns_form`.
    `k`: 0 to min(m, n) of every matrix, or a `rank_fraction`; 0 is Signum (for "sign"), min(m, n) is Muon. It is no
    norm's LMO. `svd`, `passes`, `oversample` are `Neon`'s, the rest `LmoOptimizer`'s.
    Cost: that of Fanion-k (for "clip", k + 1) plus 2mnk flops, and for "newton_schulz" `Muon`'s with so many steps.
    Source: docs/conventions.md, "Deflated Fanions".
    """

    residual: InitVar[str] = "sign"
    ns_steps: InitVar[int | None] = None
    ns_coefficients: InitVar[Coefficients | None] = None
    ns_dtype: InitVar[str | None] = None
    ns_form: InitVar[str | None] = None
    ns_norm: InitVar[str | None] = None
    _before = MappingProxyType(
        dict.fromkeys(("rank_fraction", "ns_steps", "ns_coefficients", "ns_dtype", "ns_form", "ns_norm"))
    )
