"""Sign of the momentum."""

from fanion._arguments import RuleOptimizer


class Signum(RuleOptimizer, rule="signum"):
    """D = −sign(M), the LMO of the norm max|x_ij|.

    The arguments are `LmoOptimizer`'s. Cost: mn flops. Source: KyFan Table 1.
    """
