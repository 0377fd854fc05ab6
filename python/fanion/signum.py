"""Optimizers on single entries of the momentum."""

from dataclasses import InitVar

from fanion._arguments import RuleOptimizer


class Signum(RuleOptimizer, rule="signum"):
    """D = −sign(M), the LMO of the norm max|x_ij|.

    The arguments are `LmoOptimizer`'s. Cost: mn flops. Source: KyFan Table 1.
    """


class SignSGD(RuleOptimizer, rule="signum", kw_only=False):
    """D = −sign(g): `Signum` whose momentum is the gradient itself unless `momentum` says otherwise.

    The arguments are `LmoOptimizer`'s. Cost: mn flops. Source: KyFan Table 1.
    """

    momentum: InitVar[float] = 0.0
    nesterov: InitVar[bool] = False


class GaussSouthwell(RuleOptimizer, rule="gauss-southwell"):
    """D = −sign(m_ij)·e_ij at the largest |m_ij|, the LMO of the norm Σ|x_ij|: one entry a step; ties share it.

    The arguments are `LmoOptimizer`'s. Cost: 2mn flops. Source: KyFan Table 1.
    """
