"""COSMOS: Adam in a leading eigenspace, Muon outside of it."""

from dataclasses import InitVar

from torch import Tensor

from fanion._arguments import PolarOptimizer


class _CosmosDefaults(PolarOptimizer, kw_only=False):
    lr: InitVar[float | Tensor] = 2e-3
    adjust_lr_fn: InitVar[str | None] = "match_rms_adamw"


class Cosmos(_CosmosDefaults, rule="muon"):
    """D = −c·G/‖G‖_F, G = M̂U/(√V̂ + 1e-8·max √V̂)·Uᵀ + γ√(mn)·B/‖B‖_F.

    B is UVᵀ of M − MUUᵀ as in `Muon`, and ‖D‖_F = √min(m, n). U (n × r) follows the r leading eigenvectors of the mean
    of gᵀg, V is the mean of (gU)², M̂ and V̂ are corrected for their start as in Adam: SOAP's update of one side where
    the gradients' energy is, Muon's for the rest.

    `cosmos_rank`: r, 1 to min(m, n) of every matrix; 0 is Muon. `cosmos_gamma`: γ. `cosmos_beta`: the decay of both
    means. Defaults are those that the authors train with; `adjust_lr_fn` "match_rms_adamw" is their `lr_ratio` of 0.2.
    Every optimizer here takes `cosmos_rank`: `Neon(params, cosmos_rank=8)` has Neon's direction outside of U, as KyFan
    §5 suggests. The other arguments are `Muon`'s. Parameters that are spread over processes are refused.
    Cost: Muon's, 12mnr flops and a QR of n × r; (m + n + r)r numbers of state.
    Source: Liu et al. 2025, arXiv 2502.17410, Algorithm 1, with the Nesterov form of its authors' code.
    """

    cosmos_rank: InitVar[float] = 64
