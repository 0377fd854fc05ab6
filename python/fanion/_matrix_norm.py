"""What a rule and a norm can do, whichever they are."""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor
from typing_extensions import override

from fanion._directions import Direction, direction_from
from fanion._gradients import without_gradients
from fanion._library import ops


@dataclass(frozen=True, repr=False)
class Rule:
    """Matrix in, update direction out: what an optimizer follows. Immutable, equal where the names are.

    `name`: any text that `rule_from_name` takes; it becomes the canonical one, which has every option spelled out.
    ValueError: an unknown name or option, with the choices.
    """

    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", ops.canonical_rule(self.name))

    @without_gradients
    def direction(self, M: Tensor) -> Direction:
        """The update direction for M, (m, n), as a sum of terms; its `dense()` is the matrix. Zero gives zero.

        ValueError: another shape or dtype; no entries, NaN or Inf; a k that does not fit m × n.
        """
        return direction_from(M, *ops.rule_direction(M, self.name))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Gauge(NamedTuple):
    """lower ≤ ‖X‖ ≤ upper, up to the rounding of the parts' own values."""

    lower: float
    upper: float
    iterations: int
    """0 where ‖X‖ has an exact form: both bounds are equal then."""
    converged: bool
    """upper − lower ≤ tol·lower."""


@dataclass(frozen=True, repr=False)
class Norm(Rule):
    """A matrix norm ‖·‖ with its dual ‖M‖† = max_{‖D‖≤1} ⟨M, D⟩ (KyFan eq. 2) and what follows from the pair.

    Matrices are (m, n), or (b, m, n) for a batch of b, which gives what b calls would; any float dtype, any device.
    Results are float64 for float64 input, else float32, which is also what is computed in. No gradient flows through.
    ValueError: a text that names no norm; another shape or dtype; no entries, NaN or Inf; a k that does not fit m × n.
    """

    @override
    def __post_init__(self) -> None:
        object.__setattr__(self, "name", ops.canonical_norm(self.name))

    @without_gradients
    def value(self, X: Tensor) -> Tensor:
        """‖X‖, (), or (b,) for a batch.

        Exact to rounding, but for sums without an exact form: see `gauge`, whose `upper` with the default `tol` it is.
        ValueError: such a sum has a part without `project`. RuntimeError: it did not converge.
        """
        result: Tensor = ops.norm_value(X, self.name)
        return result

    @without_gradients
    def gauge(self, X: Tensor, *, tol: float = 1e-6, max_iterations: int = 20000) -> Gauge:
        """‖X‖ of one matrix (m, n) between two bounds, and what it took to find them.

        Both are equal where the value is exact. Of sums (`dual_sum`) it is for a single part; for frobenius with one of
        nuclear, spectral, rms_to_rms, ky_fan_dual, max_entry, scaled_max_entry, entry_sum, row_norm and col_norm, as in
        F-Muon; and without frobenius for any of these of the same magnitudes: singular values, entries, rows or
        columns. Other sums, such as S-Muon, are found by iteration, a few SVDs each, until the bounds are within `tol`
        relative. ValueError: tol or max_iterations not positive; a part of such a sum without `project`: schatten(p),
        p other than 1, 2 and inf. Sources: `fanion/norms/sum_gauge.h`.
        """
        return Gauge(*ops.norm_gauge(X, self.name, tol=tol, max_iterations=max_iterations))

    @without_gradients
    def dual(self, M: Tensor) -> Tensor:
        """‖M‖†, (), or (b,) for a batch."""
        result: Tensor = ops.norm_dual(M, self.name)
        return result

    @without_gradients
    def lmo(self, M: Tensor) -> Tensor:
        """D = argmin_{‖D‖≤1} ⟨M, D⟩, M's shape, so that ⟨M, D⟩ = −‖M‖† (KyFan eq. 3). Zero gives zero."""
        result: Tensor = ops.norm_lmo(M, self.name)
        return result

    @override
    @without_gradients
    def direction(self, M: Tensor) -> Direction:
        """The same of one matrix (m, n), in the factors it was found in: a sum of terms whose `dense()` is `lmo(M)`."""
        return direction_from(M, *ops.norm_direction(M, self.name))

    @without_gradients
    def prox(self, M: Tensor, lam: float) -> Tensor:
        """argmin_X ⟨M, X⟩ + (λ/2)‖X‖² = (‖M‖†/λ)·lmo(M), λ > 0 (Proposal eq. 1–3, with λ/2)."""
        result: Tensor = ops.norm_prox(M, lam, self.name)
        return result

    @without_gradients
    def project(self, X: Tensor) -> Tensor:
        """argmin_{‖Y‖≤1} ‖X − Y‖_F, the nearest point of the unit ball. ValueError where no form of it is known."""
        result: Tensor = ops.norm_project(X, self.name)
        return result

    def rho(self, m: int, n: int) -> float:
        """ρ with ‖X‖† ≤ ρ‖X‖_F for all m × n matrices (NuclearNorm, assumption A3).

        The least such for single norms; Σ w_iρ_i, an upper bound of it, for sums. ValueError: m or n below 1; a norm
        that does not fit m × n.
        """
        result: float = ops.norm_rho(m, n, self.name)
        return result
