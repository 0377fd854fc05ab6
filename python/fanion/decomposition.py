"""scikit-learn's `TruncatedSVD` and `PCA` on `topk_svd`, for NumPy, SciPy and torch; scikit-learn need not be there.

>>> scores = PCA(10).fit_transform(X)            # X (samples, features), dense or sparse, is never centred in memory
>>> make_pipeline(TfidfVectorizer(dtype="float32"), TruncatedSVD(100), Normalizer())
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fanion import _foreign
from fanion._operators import LinearOperator, aslinearoperator, low_rank
from fanion.linalg import SvdReport, topk_svd

__all__ = ["PCA", "TruncatedSVD"]


class TruncatedSVD:
    """The leading right singular vectors of X (samples, features), and X in their coordinates; X is not centred.

    X: a tensor, a NumPy array or a SciPy sparse matrix, float32 or float64; tensors give tensors, others NumPy arrays.
    `n_components`: k, 1 … min(samples, features). `tol`: residuals ≤ tol·σ₁ of every triplet (`criterion="residual"`),
    so that variances are exact to about tol². `method`, `precision`: as `topk_svd` has them. `random_state`: a seed.

    After `fit`: `components_` (k, features), of which the largest entry of each is positive, `singular_values_`,
    `explained_variance_` (that of the scores over the samples), `explained_variance_ratio_` (of the sum over the
    features), `n_features_in_`, and `report_`, what `topk_svd` says.
    Errors: as `topk_svd`; RuntimeError: not fitted; ValueError: another number of features; TypeError: an operator,
    whose entries' squares nobody knows. Cost: `topk_svd`'s, and two reads of X.
    """

    components_: Any
    singular_values_: Any
    explained_variance_: Any
    explained_variance_ratio_: Any
    n_features_in_: int
    report_: SvdReport
    _centres = False

    def __init__(
        self,
        n_components: int = 2,
        *,
        tol: float = 1e-4,
        method: str = "auto",
        precision: str = "full",
        random_state: int | None = None,
    ) -> None:
        self.n_components = n_components
        self.tol = tol
        self.method = method
        self.precision = precision
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> TruncatedSVD:
        """Finds the components."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Finds the components, and gives X in their coordinates, (samples, k): U diag(σ), without another product."""
        A, like = aslinearoperator(X), isinstance(X, Tensor)
        m, n = A.shape
        mean, variance = _moments(X, A)
        self._mean = mean if self._centres else torch.zeros_like(mean)
        U, S, V, self.report_ = topk_svd(
            self._centred(A),
            self.n_components,
            criterion="residual",
            tol=self.tol,
            method=self.method,
            precision=self.precision,
            generator=self.random_state,
        )
        signs = torch.sign(V.gather(0, V.abs().argmax(0, keepdim=True)))
        self._V, scores = V * signs, U * S * signs
        # Of samples as they are, or of a population that they are drawn from: as scikit-learn's two classes have it.
        spread = S.double() ** 2 / (m - 1) if self._centres else scores.double().var(0, correction=0)
        total = variance.sum() * (m / (m - 1) if self._centres else 1)
        self._given(like, components_=self._V.mT, singular_values_=S, explained_variance_=spread.to(S.dtype))
        self._given(like, explained_variance_ratio_=(spread / total.clamp_min(1e-300)).to(S.dtype), mean_=self._mean)
        self.n_features_in_ = n
        return scores if like else scores.numpy()

    def transform(self, X: Any) -> Any:
        """X in the components' coordinates, (samples, k)."""
        A = aslinearoperator(X)
        self._check(A.shape[1])
        scores = self._centred(A) @ self._V
        return scores if isinstance(X, Tensor) else scores.numpy()

    def inverse_transform(self, scores: Any) -> Any:
        """The matrix of rank k that has these coordinates, (samples, features)."""
        self._check(None)
        given = scores if isinstance(scores, Tensor) else torch.from_numpy(np.asarray(scores))
        X = given.to(self._V.dtype) @ self._V.mT + self._mean
        return X if isinstance(scores, Tensor) else X.numpy()

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The arguments, for scikit-learn's `clone` and searches."""
        return {name: getattr(self, name) for name in inspect.signature(type(self)).parameters}

    def set_params(self, **params: Any) -> TruncatedSVD:
        """Changes arguments. ValueError: one that there is not."""
        allowed = list(inspect.signature(type(self)).parameters)
        for name, value in params.items():
            if name not in allowed:
                raise ValueError(f"{type(self).__name__} has no parameter {name!r}; it has: {', '.join(allowed)}")
            setattr(self, name, value)
        return self

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks a step of a pipeline; only it calls this."""
        from sklearn.utils import InputTags, Tags, TargetTags, TransformerTags  # type: ignore[import-not-found, unused-ignore]

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            transformer_tags=TransformerTags(preserves_dtype=["float64", "float32"]),
            input_tags=InputTags(sparse=True),
        )

    def _centred(self, A: LinearOperator) -> LinearOperator:
        """A − 1μᵀ without forming it."""
        if not self._centres:
            return A
        return A - low_rank(torch.ones(A.shape[0], 1, dtype=A.dtype), torch.ones(1, dtype=A.dtype), self._mean[:, None])

    def _given(self, like: bool, **found: Tensor) -> None:
        for name, tensor in found.items():
            setattr(self, name, tensor if like else tensor.numpy())

    def _check(self, features: int | None) -> None:
        if not hasattr(self, "n_features_in_"):
            raise RuntimeError(f"this {type(self).__name__} is not fitted yet; call fit first")
        if features is not None and features != self.n_features_in_:
            raise ValueError(f"X has {features} features; {type(self).__name__} was fitted with {self.n_features_in_}")


class PCA(TruncatedSVD):
    """The same of X − 1μᵀ, μ the features' means, which is not formed: a sparse X stays so, a large one is not copied.

    After `fit` there is also `mean_`; variances are those of a population the samples are drawn from, over samples − 1.
    """

    mean_: Any
    _centres = True


def _moments(X: Any, A: LinearOperator) -> tuple[Tensor, Tensor]:
    """Means of the features in A's dtype, and their variances over the samples in float64."""
    dense = X if isinstance(X, Tensor) else _foreign.tensor_of(X)
    if dense is not None and dense.layout == torch.strided:
        variance, mean = torch.var_mean(dense.to(A.dtype), 0, correction=0)
        return mean, variance.double()
    if dense is None:  # functions alone: their squares would take a product with every unit vector
        raise TypeError(f"X must be a tensor, a NumPy array or a SciPy sparse matrix, got {type(X).__name__}")
    rows = dense.to_sparse_csr()
    sums, values = torch.zeros(2, A.shape[1], dtype=torch.float64), rows.values().double()
    sums.index_add_(1, rows.col_indices().long(), torch.stack([values, values**2]))
    mean, second = sums / A.shape[0]
    return mean.to(A.dtype), second - mean**2
