"""Descent in Schatten norms."""

from dataclasses import InitVar

from fanion._arguments import RuleOptimizer


class SchattenDescent(RuleOptimizer, rule="schatten"):
    """D = −U diag((σ_i/‖σ‖_q)^{q−1})Vᵀ, 1/p + 1/q = 1: the LMO of the Schatten norm ‖σ‖_p.

    `p`: 1 to float("inf"); 1 is the nuclear norm, 2 the Frobenius norm, inf the spectral norm, all exact.
    The other arguments are `LmoOptimizer`'s. Cost: a dense SVD. Source: KyFan §2.9.
    """

    p: InitVar[float]
