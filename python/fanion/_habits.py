"""What other libraries call it: what to say of their arguments to `topk_svd`."""

from collections.abc import Iterable, Mapping
from numbers import Integral
from typing import Any

import torch

from fanion._unknown_argument import unknown_argument

_LARGEST = (
    "the k largest triplets are found, and no others; the smallest of a small matrix are in torch.linalg.svd(A), of a "
    "large one in scipy.sparse.linalg.svds(A, k, which='SM')"
)
_SEED = "generator=3 is a seed, as is a torch.Generator"
_VECTORS = 'vectors="none", "u", "v" or "both"'
_PASSES = 'a number of power iterations is criterion="passes", passes=n_iter + 1'
_METHOD = 'method="auto", "dense", "lanczos", "block_krylov", "subspace", "randomized" or "power"'
_ELSEWHERE = {
    # scipy.sparse.linalg.svds
    "which": f'which="LM" is what it does: {_LARGEST}',
    "return_singular_vectors": _VECTORS,
    "solver": _METHOD,
    "v0": "warm_start=V, (n, j)",
    "maxiter": "passes=… is the most passes over A",
    "ncv": "the basis grows as it must; block=… is its step",
    "random_state": _SEED,
    "rng": _SEED,
    # sklearn.utils.extmath.randomized_svd, TruncatedSVD, PCA
    "n_components": "k, the second argument; fanion.decomposition has TruncatedSVD and PCA",
    "n_oversamples": "oversample=…",
    "n_iter": _PASSES,
    "iterated_power": _PASSES,
    "power_iteration_normalizer": "leave it out: every pass is orthonormalised",
    "svd_solver": _METHOD,
    "flip_sign": "leave it out: signs are as they come; fanion.decomposition has fixed ones",
    # torch.svd_lowrank, torch.pca_lowrank, torch.lobpcg, torch.linalg.svd, numpy.linalg.svd
    "q": "k, the second argument",
    "niter": _PASSES,
    "M": "fanion.linalg.aslinearoperator(A) - M",
    "center": "fanion.decomposition.PCA centres without forming A − 1μᵀ",
    "largest": _LARGEST,
    "smallest": _LARGEST,
    "full_matrices": "leave it out: U is (m, k), V (n, k)",
    "compute_uv": _VECTORS,
    "driver": _METHOD,
    "seed": _SEED,
}


def refuse_unknown(given: Mapping[str, Any], taken: Iterable[str]) -> None:
    """TypeError for the first of `given`."""
    for key in given:
        raise TypeError(unknown_argument("topk_svd", key, taken, _ELSEWHERE))


def generator_of(given: Any) -> torch.Generator | None:
    """A generator, that of a seed, or None. TypeError: anything else, such as NumPy's."""
    if given is None or isinstance(given, torch.Generator):
        return given
    if isinstance(given, Integral) and not isinstance(given, bool):
        return torch.Generator().manual_seed(int(given))
    raise TypeError(f"generator = {given!r} must be a seed (an int), a torch.Generator or None")
