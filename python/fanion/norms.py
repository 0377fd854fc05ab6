"""Matrix norms with their dual, linear minimisation oracle, prox, projection and bound.

>>> norm = fanion.norms.f_muon(alpha=0.5)                   # or norm_from_name("f-muon:alpha=0.5,polar=exact")
>>> norm.value(X), norm.dual(M), norm.lmo(M), norm.project(X)

M = U diag(σ) Vᵀ with σ descending; ‖M‖† = max_{‖D‖≤1} ⟨M, D⟩; lmo(M) = argmin_{‖D‖≤1} ⟨M, D⟩; ‖X‖† ≤ ρ‖X‖_F.
The constructors compute to working precision. The names of optimizers ("muon", "neon", "fanion", …) are the same norms
with the approximate LMO that training uses, unless the text asks for an exact one. What a `Norm` can do, and on which
tensors: `matrix_norm.py`. Which one to choose: docs/which-norm.md.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from fanion._library import ops
from fanion.directions import Dense, Direction, LowRank, Residual, Scaled
from fanion.matrix_norm import Norm, Rule
from fanion.rule_text import rule_text

__all__ = [
    "Dense",
    "Direction",
    "LowRank",
    "Norm",
    "Residual",
    "Rule",
    "RuleInfo",
    "Scaled",
    "dual_sum",
    "f_fanion",
    "f_muon",
    "f_neon",
    "frobenius",
    "ky_fan_dual",
    "max_entry",
    "norm_from_name",
    "nuclear",
    "rule_from_name",
    "rules",
    "spectral",
]


class RuleInfo(NamedTuple):
    """A known rule: its name, the options it takes, and what it is."""

    name: str
    keys: str
    summary: str


def rules() -> list[RuleInfo]:
    """Every name that `norm_from_name`, `rule_from_name` and the optimizers know."""
    return [RuleInfo(*line.split("\t")) for line in ops.rules()]


def norm_from_name(text: str) -> Norm:
    """The norm that a text describes: "nuclear", "ky_fan_dual:k=5", "0.3*nuclear + 0.7*max_entry".

    The program's parser; `rules` lists the names. ValueError: an unknown name or option, with the choices; a rule that
    is no norm.
    """
    return Norm(text)


def rule_from_name(text: str) -> Rule:
    """The same for every rule, norm or not: "d-fanion:k=8", "1.1*muon + -0.1*nsgd"."""
    return Rule(text)


def frobenius() -> Norm:
    """√Σx²; dual the same; lmo −M/‖M‖_F; ρ = 1. NSGD (004 Lemma 1)."""
    return _norm("frobenius")


def spectral() -> Norm:
    """σ₁; dual Σσ; lmo −UVᵀ; ρ = √min(m, n). Muon (004 Lemma 2)."""
    return _norm("spectral")


def nuclear(*, svd: str = "auto") -> Norm:
    """Σσ; dual σ₁; lmo −u₁v₁ᵀ; ρ = 1. Neon (004 Lemma 3). `svd`: the method of `topk_svd` that the LMO uses."""
    return _norm("nuclear", svd=svd)


def ky_fan_dual(k: int, *, svd: str = "auto") -> Norm:
    """max(Σσ/k, σ₁); dual Σ_{i≤k}σ_i; lmo −Σ_{i≤k}u_iv_iᵀ; ρ = √k, 1 ≤ k ≤ min(m, n). Fanion-k (004 Lemma 6)."""
    return _norm("ky_fan_dual", k=k, svd=svd)


def max_entry() -> Norm:
    """max|x_ij|; dual Σ|m_ij|; lmo −sign(M); ρ = √(mn). SignSGD, Signum (004 Table 1)."""
    return _norm("max_entry")


def dual_sum(parts: Iterable[tuple[float, Norm]]) -> Norm:
    """The norm with the dual Σ w_i‖M‖_i†, from pairs (w_i, norm_i): its ball is the Minkowski sum Σ w_i B_i.

    lmo Σ w_i lmo_i(M); ρ = Σ w_iρ_i (004 Lemma 7). ValueError: no parts, a weight below 0 or not finite, all of them 0.
    """
    weights, names = [], []
    for weight, norm in parts:
        weights.append(weight)
        names.append(norm.name)
    return Norm(ops.dual_sum(weights, names))


def f_muon(alpha: float) -> Norm:
    """α·spectral + (1−α)·frobenius as a `dual_sum`, 0 ≤ α ≤ 1; dual αΣσ + (1−α)‖M‖_F (004 Lemma 4)."""
    return _mixed(alpha, spectral(), frobenius())


def f_neon(alpha: float, *, svd: str = "auto") -> Norm:
    """α·nuclear + (1−α)·frobenius as a `dual_sum`, 0 ≤ α ≤ 1; dual ασ₁ + (1−α)‖M‖_F (004 Lemma 5)."""
    return _mixed(alpha, nuclear(svd=svd), frobenius())


def f_fanion(k: int, alpha: float, *, svd: str = "auto") -> Norm:
    """α·ky_fan_dual(k) + (1−α)·frobenius as a `dual_sum`, 0 ≤ α ≤ 1; dual αΣ_{i≤k}σ_i + (1−α)‖M‖_F (004 §2.8)."""
    return _mixed(alpha, ky_fan_dual(k, svd=svd), frobenius())


def _norm(name: str, **options: Any) -> Norm:
    return Norm(rule_text(name, options, options))


def _mixed(alpha: float, first: Norm, second: Norm) -> Norm:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha = {alpha} must lie in [0, 1]: beyond, the mixture is a rule but no norm")
    return dual_sum([(alpha, first), (1 - alpha, second)])
