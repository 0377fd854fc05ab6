"""A view, of whatever strides, has the triplets of its contiguous copy."""

import pytest
import torch
from matrices import decaying

import fanion

VIEWS = {
    "transposed": lambda A: A.t(),
    "every second column": lambda A: A[:, ::2],
    "every third row": lambda A: A[::3],
    "both": lambda A: A[::3, 1::2].t(),
    "one row repeated": lambda A: A[:1].expand(40, -1),
    "one column repeated": lambda A: A[:, :1].expand(-1, 40),
    "overlapping": lambda A: A.as_strided((50, 30), (7, 3)),
    "slice of a batch": lambda A: A.view(30, 4, 60)[:, 1],
    "diagonal of a batch": lambda A: A.view(30, 4, 60)[:, :, :4].diagonal(dim1=1, dim2=2),
}


@pytest.mark.parametrize("method", ["dense", "lanczos", "subspace"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("name", VIEWS)
def test_views_give_the_triplets_of_their_copies(name, dtype, method):
    view = VIEWS[name](decaying(120, 60, 13, dtype))
    assert not view.is_contiguous()
    before = view.clone()
    k = 2
    U, S, V, _ = fanion.topk_svd(view, k, method=method, passes=60, tol=1e-6)
    copied = fanion.topk_svd(view.contiguous(), k, method=method, passes=60, tol=1e-6)[1]
    assert torch.equal(view, before)
    exact = view.double()
    # The tolerance asked for, and rounding of products with at most 120 terms.
    allowed = (1e-6 + 100 * torch.finfo(S.dtype).eps) * torch.linalg.matrix_norm(exact, 2)
    sigma = torch.linalg.svdvals(exact)[:k]
    assert (S.double() - sigma).abs().max() <= allowed
    assert (S - copied).abs().max() <= allowed
    assert (exact @ V.double() - U.double() * S).norm(dim=0).max() <= allowed
    assert (exact.mT @ U.double() - V.double() * S).norm(dim=0).max() <= allowed
