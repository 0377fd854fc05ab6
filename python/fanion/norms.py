"""Matrix norms with their dual, linear minimisation oracle, prox, projection and bound.

>>> norm = fanion.norms.f_muon(alpha=0.5)                   # or norm_from_name("f-muon:alpha=0.5,polar=exact")
>>> norm.value(X), norm.dual(M), norm.lmo(M), norm.project(X)

M = U diag(σ) Vᵀ with σ descending; ‖M‖† = max_{‖D‖≤1} ⟨M, D⟩; lmo(M) = argmin_{‖D‖≤1} ⟨M, D⟩; ‖X‖† ≤ ρ‖X‖_F.
The constructors compute to working precision. The names of optimizers ("muon", "neon", "fanion", …) are the same norms
with the approximate LMO that training uses, unless the text asks for an exact one. What a `Norm` can do, and on which
tensors: `matrix_norm.py`. Which one to choose: docs/which-norm.md.
"""

import math
from collections.abc import Iterable
from typing import Any

from fanion._directions import Dense, Direction, LowRank, Residual, Scaled
from fanion._library import ops
from fanion._matrix_norm import Gauge, Norm, Rule
from fanion._rule_info import RuleInfo, rules
from fanion._rule_text import rule_text

__all__ = [
    "Dense",
    "Direction",
    "Gauge",
    "LowRank",
    "Norm",
    "Residual",
    "Rule",
    "RuleInfo",
    "Scaled",
    "col_norm",
    "dual_sum",
    "entry_sum",
    "f_fanion",
    "f_muon",
    "f_neon",
    "f_star_rms",
    "f_star_sum",
    "frobenius",
    "ky_fan",
    "ky_fan_dual",
    "max_entry",
    "norm_from_name",
    "nuclear",
    "rms_to_rms",
    "row_norm",
    "rule_from_name",
    "rules",
    "s_fanion",
    "s_muon",
    "scaled_max_entry",
    "schatten",
    "spectral",
]


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
    """√Σx²; dual the same; lmo −M/‖M‖_F; ρ = 1. NSGD (KyFan Lemma 1)."""
    return _norm("frobenius")


def spectral() -> Norm:
    """σ₁; dual Σσ; lmo −UVᵀ; ρ = √min(m, n). Muon (KyFan Lemma 2)."""
    return _norm("spectral")


def rms_to_rms() -> Norm:
    """√(n/m)·σ₁; dual √(m/n)·Σσ; lmo −√(m/n)·UVᵀ; ρ = √(m/n)·√min(m, n). Muon for W (d_out, d_in), whatever its shape.

    Source: Proposal eq. 3; Bernstein & Newhouse 2024.
    """
    return _norm("rms_to_rms")


def nuclear(*, svd: str = "auto") -> Norm:
    """Σσ; dual σ₁; lmo −u₁v₁ᵀ; ρ = 1. Neon (KyFan Lemma 3). `svd`: the method of `topk_svd` that the LMO uses."""
    return _norm("nuclear", svd=svd)


def ky_fan_dual(k: int, *, svd: str = "auto") -> Norm:
    """max(Σσ/k, σ₁); dual Σ_{i≤k}σ_i; lmo −Σ_{i≤k}u_iv_iᵀ; ρ = √k, 1 ≤ k ≤ min(m, n). Fanion-k (KyFan Lemma 6)."""
    return _norm("ky_fan_dual", k=k, svd=svd)


def ky_fan(k: int) -> Norm:
    """Σ_{i≤k}σ_i; dual max(Σσ/k, σ₁); lmo −u₁v₁ᵀ where σ₁ ≥ Σσ/k, else −UVᵀ/k (Bhatia 2013, p. 96)."""
    return _norm("ky_fan", k=k)


def schatten(p: float) -> Norm:
    """‖σ‖_p, 1 ≤ p ≤ ∞; dual ‖σ‖_q, 1/p + 1/q = 1; lmo −U diag((σ_i/‖σ‖_q)^{q−1}) Vᵀ (KyFan §2.9).

    p = 1, 2 and ∞ are `nuclear`, `frobenius` and `spectral`.
    """
    return _norm("schatten", p=p)


def f_star_rms(*, svd: str = "auto") -> Norm:
    """‖X‖² = (‖X‖_F² + (Σσ)²)/2; prox −(2/λ)·U diag([σ_i−τ]_+) Vᵀ, Σ[σ_i−τ]_+ = τ; ρ = 1. F*-Neon (Proposal eq. 6)."""
    return _norm("f_star_rms", svd=svd)


def f_star_sum(*, svd: str = "auto") -> Norm:
    """(‖X‖_F + Σσ)/2; dual 2τ, lmo along −U diag([σ_i−τ]_+) Vᵀ, Σ[σ_i−τ]²_+ = τ²; ρ = 1. F*-Neon (Poster eq. 2)."""
    return _norm("f_star_sum", svd=svd)


def max_entry() -> Norm:
    """max|x_ij|; dual Σ|m_ij|; lmo −sign(M); ρ = √(mn). SignSGD, Signum (KyFan Table 1)."""
    return _norm("max_entry")


def scaled_max_entry(k: int | None = None) -> Norm:
    """max|x_ij|/c, c = √(k/(mn)); dual c·Σ|m_ij|; lmo −c·sign(M), as large as Fanion-k's; `k`: None is min(m, n)."""
    return _norm("scaled_max_entry") if k is None else _norm("scaled_max_entry", k=k)


def entry_sum() -> Norm:
    """Σ|x_ij|; dual max|m_ij|; lmo −sign(m_ij) at the largest entry, which ties share; ρ = 1 (KyFan Table 1)."""
    return _norm("entry_sum")


def row_norm() -> Norm:
    """max_i‖x_i‖₂ over rows x_i; dual Σ_i‖m_i‖₂; lmo −m_i/‖m_i‖₂ in every row; ρ = √m (Pethick et al. 2025)."""
    return _norm("row_norm")


def col_norm() -> Norm:
    """max_j‖x_j‖₂ over columns x_j; dual Σ_j‖m_j‖₂; lmo −m_j/‖m_j‖₂ in every column; ρ = √n (Pethick et al. 2025)."""
    return _norm("col_norm")


def dual_sum(parts: Iterable[tuple[float, Norm]]) -> Norm:
    """The norm with the dual Σ w_i‖M‖_i†, from pairs (w_i, norm_i): its ball is the Minkowski sum Σ w_i B_i.

    lmo Σ w_i lmo_i(M); ρ = Σ w_iρ_i (KyFan Lemma 7). ValueError: no parts, a weight below 0 or not finite, or all 0.
    """
    weights, names = [], []
    for weight, norm in parts:
        weights.append(weight)
        names.append(norm.name)
    return Norm(ops.dual_sum(weights, names))


def f_muon(alpha: float) -> Norm:
    """α·spectral + (1−α)·frobenius as a `dual_sum`, 0 ≤ α ≤ 1; dual αΣσ + (1−α)‖M‖_F (KyFan Lemma 4)."""
    return _mixed(alpha, spectral(), frobenius())


def f_neon(alpha: float, *, svd: str = "auto") -> Norm:
    """α·nuclear + (1−α)·frobenius as a `dual_sum`, 0 ≤ α ≤ 1; dual ασ₁ + (1−α)‖M‖_F (KyFan Lemma 5)."""
    return _mixed(alpha, nuclear(svd=svd), frobenius())


def f_fanion(k: int, alpha: float, *, svd: str = "auto") -> Norm:
    """α·ky_fan_dual(k) + (1−α)·frobenius as a `dual_sum`, 0 ≤ α ≤ 1; dual αΣ_{i≤k}σ_i + (1−α)‖M‖_F (KyFan §2.8)."""
    return _mixed(alpha, ky_fan_dual(k, svd=svd), frobenius())


def s_muon(alpha: float, *, scale: float = 1.0) -> Norm:
    """α·spectral + (1−α)·scale·scaled_max_entry as a `dual_sum`, 0 ≤ α ≤ 1, scale ≥ 0 (arXiv 2512.09678)."""
    return _mixed(alpha, spectral(), scaled_max_entry(), scale)


def s_fanion(k: int, alpha: float, *, scale: float = 1.0, svd: str = "auto") -> Norm:
    """α·ky_fan_dual(k) + (1−α)·scale·scaled_max_entry(k) as a `dual_sum`, 0 ≤ α ≤ 1, scale ≥ 0 (arXiv 2512.09678)."""
    return _mixed(alpha, ky_fan_dual(k, svd=svd), scaled_max_entry(k), scale)


def _mixed(alpha: float, first: Norm, second: Norm, scale: float = 1.0) -> Norm:
    if not 0 <= alpha <= 1:
        raise ValueError(f"alpha = {alpha} must lie in [0, 1]: beyond, the mixture is a rule but no norm")
    if not 0 <= scale < math.inf:
        raise ValueError(f"scale = {scale} must be finite and not negative")
    return dual_sum([(alpha, first), ((1 - alpha) * scale, second)])


def _norm(name: str, **options: Any) -> Norm:
    return Norm(rule_text(name, options, options))
