"""The optimizer on the k leading singular pairs of the momentum M and a map of the rest."""

from dataclasses import InitVar

from fanion._arguments import TripletOptimizer


class DFanion(TripletOptimizer, rule="d-fanion"):
    """D = −(Σ_{i≤k}u_iv_iᵀ + c·N(R)), R = M − Σ_{i≤k}σ_iu_iv_iᵀ, ‖c·N(R)‖_F = √(min(m, n) − k).

    `residual`: N(R) is "sign" sign(R), "row_norm" ("col_norm") every row (column) of R over its 2-norm, "frobenius"
    R/‖R‖_F, or "clip" R/σ_{k+1} with c = 1. `k`: 0 to min(m, n) of every matrix; 0 is Signum (for "sign"),
    min(m, n) is Muon. It is no norm's LMO. `svd`, `passes`, `oversample` are `Neon`'s, the rest `LmoOptimizer`'s.
    Cost: that of Fanion-k (for "clip", k + 1) plus 2mnk flops. Source: docs/conventions.md, "Deflated Fanions".
    """

    k: InitVar[int]
    residual: InitVar[str] = "sign"
