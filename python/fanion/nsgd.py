"""Normalised SGD."""

from fanion._arguments import RuleOptimizer


class NSGD(RuleOptimizer, rule="nsgd"):
    """D = −M/‖M‖_F, the LMO of the Frobenius norm: normalised SGD, matrix by matrix.

    The arguments are `LmoOptimizer`'s. Cost: 4mn flops. Source: KyFan Lemma 1.
    """
