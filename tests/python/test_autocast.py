"""Inside torch.autocast every op gives the bits that it gives outside."""

import tempfile

import pytest
import torch
from conftest import OPTIMIZERS

import fanion
from fanion._library import ops
from fanion.linalg import SVD_METHODS, LinearOperator

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
SVD = {
    "method": "auto",
    "criterion": "rank_k",
    "tol": 1e-3,
    "passes": None,
    "precision": "full",
    "oversample": 4,
    "block": 0,
    "start": "auto",
    "warm_start": None,
    "generator": None,
}


def matrix(device, rows=70, cols=50, seed=3):
    return torch.randn(rows, cols, generator=torch.Generator().manual_seed(seed)).to(device)


def step(M):
    """Of a matrix under a rule and one under AdamW."""
    rules, options = ["f-fanion:k=2", "adamw"], ["lr=0.1,momentum=0.9", "lr=0.1,beta2=0.99"]
    W = [torch.zeros_like(M), torch.zeros_like(M)]
    kinds, state = zip(*(ops.initial_state(p, *of) for p, *of in zip(W, rules, options, strict=True)), strict=True)
    flat = [tensor for tensors in state for tensor in tensors]
    ops.step_(
        W,
        [M, M],
        flat,
        kinds=[",".join(k) for k in kinds],
        group=[0, 1],
        position=[0, 0],
        names=["W", "V"],
        rules=rules,
        options=options,
        spreads=[],
    )
    return W, flat


def applied(handle, M):
    """The operator that `handle` is, as its products with a few columns."""
    X = matrix(M.device, ops.operator_prototype(handle).shape[1], 3, seed=4)
    return ops.operator_apply(handle, X)


KEPT = []  # an operator's functions live as long as its object in Python, here as long as a test


@pytest.fixture(autouse=True)
def _nothing_kept():
    yield
    KEPT.clear()


def of_functions(M):
    KEPT.append(LinearOperator(M.shape, matmat=lambda X: M @ X, rmatmat=lambda X: M.T @ X, device=M.device))
    return KEPT[-1]


def dense(M):
    return ops.dense_operator(M)


def archived(M):
    with tempfile.TemporaryDirectory() as folder:
        ops.write_archive(f"{folder}/state.pt", ["0.0.momentum_buffer"], [M])
        return ops.read_archive(f"{folder}/state.pt")


def direction(M):
    return ops.dense_direction(*ops.rule_direction(M, "f-fanion:k=2"), M.shape, M.dtype, M.device)


# Every op, from a 70 × 50 matrix; those that multiply no matrix are here so that none can be forgotten.
CALLS = {
    "step_": step,
    "initial_state": lambda M: ops.initial_state(M, "fanion:k=2", "momentum_dtype=bfloat16"),
    "step_options": lambda M: ops.step_options("lmo"),
    "spread_method": lambda M: ops.spread_method("muon", "", "4,4;0:0:2,2:a"),
    "held_matrices": lambda M: ops.held_matrices(M, "split_sizes=50+20"),
    "held_shapes": lambda M: ops.held_shapes(M.shape, "split_sizes=50+20"),
    "held_front": lambda M: ops.held_front(M.shape, "split_sizes=50+20"),
    "write_archive": archived,
    "read_archive": archived,
    "check_step_options": lambda M: ops.check_step_options("muon", "lr=0.1"),
    "newton_schulz": lambda M: ops.newton_schulz(
        M, name="quintic", triples=[], steps=0, eps=0.0, dtype=torch.float32, form="direct"
    ),
    "polar_express_coefficients": lambda M: ops.polar_express_coefficients(0.01, 3, 1.0, False, 0.02),
    "polar": lambda M: ops.polar(M, tol=0.0),
    "polar_factor": lambda M: ops.polar_factor(M, tol=0.0),
    "version": lambda M: ops.version(),
    "topk_svd": lambda M: ops.topk_svd(M, 4, **SVD)[:5],
    "topk_svd_operator": lambda M: ops.topk_svd_operator(of_functions(M)._handle, 4, **SVD)[:5],
    "dense_operator": lambda M: applied(dense(M), M),
    "sparse_operator": lambda M: applied(ops.sparse_operator(M.to_sparse()), M),
    "function_operator": lambda M: applied(of_functions(M)._handle, M),
    "low_rank_operator": lambda M: applied(ops.low_rank_operator(M, M[0], M), M),
    "sum_operator": lambda M: applied(ops.sum_operator([dense(M), dense(2 * M)], [1.0, 0.5]), M),
    "product_operator": lambda M: applied(ops.product_operator(dense(M), dense(M.T)), M),
    "row_blocks_operator": lambda M: applied(ops.row_blocks_operator([dense(M), dense(M)]), M),
    "adjoint_operator": lambda M: applied(ops.adjoint_operator(dense(M)), M),
    "operator_apply": lambda M: ops.operator_apply(dense(M), M.T),
    "operator_apply_adjoint": lambda M: ops.operator_apply_adjoint(dense(M), M),
    "operator_to_dense": lambda M: ops.operator_to_dense(of_functions(M)._handle),
    "operator_prototype": lambda M: ops.operator_prototype(dense(M)).shape,
    "empty_cache": lambda M: ops.empty_cache() * 0,
    "rule_direction": lambda M: [ops.rule_direction(M, r)[2][:2] for r in ("f-fanion:k=2", "d-fanion:k=3", "muon")],
    "dense_direction": direction,
    "norm_direction": lambda M: ops.norm_direction(M, "f-neon")[2][:2],
    "norm_value": lambda M: [ops.norm_value(M, n) for n in ("spectral", "f-muon", "row_norm")],
    "norm_dual": lambda M: ops.norm_dual(M, "f-muon"),
    "norm_gauge": lambda M: ops.norm_gauge(M[:6, :5], "s-muon", tol=1e-6, max_iterations=1000),
    "norm_lmo": lambda M: [ops.norm_lmo(M, n) for n in ("spectral", "muon", "ky_fan:k=2", "schatten:p=3")],
    "norm_prox": lambda M: ops.norm_prox(M, 0.5, "f-muon"),
    "norm_project": lambda M: [ops.norm_project(M, n) for n in ("spectral", "nuclear", "f_star_sum")],
    "nonfinite_log": lambda M: ops.poll_nonfinite_log(ops.nonfinite_log(), wait=True),
    "poll_nonfinite_log": lambda M: ops.poll_nonfinite_log(ops.nonfinite_log(), wait=False),
    "norm_rho": lambda M: ops.norm_rho(3, 4, "f-muon"),
    "lr_factor": lambda M: ops.lr_factor("original", "muon", 3, 4),
    "dual_sum": lambda M: ops.dual_sum([0.5, 0.5], ["spectral", "nuclear"]),
    "canonical_rule": lambda M: ops.canonical_rule("muon"),
    "canonical_norm": lambda M: ops.canonical_norm("muon"),
    "rules": lambda M: ops.rules(),
    "svd_methods": lambda M: ops.svd_methods(),
}


def defined_ops():
    return [name.split("::")[1] for name in torch._C._dispatch_get_all_op_names() if name.startswith("fanion::")]


def same(a, b):
    if isinstance(a, torch.Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return a == b


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("op", defined_ops())
def test_every_op_gives_the_same_bits(op, device):
    M = matrix(device)
    outside = CALLS[op](M)
    for dtype in (torch.bfloat16, torch.float16):
        with torch.autocast(device, dtype=dtype):
            assert (M @ M.T).dtype == dtype
            assert same(CALLS[op](M), outside)
            assert (M @ M.T).dtype == dtype, "autocast goes on behind the op"


@pytest.mark.parametrize("method", SVD_METHODS)
def test_functions_that_are_called_back_are_outside_of_autocast(method):
    M, seen = matrix("cpu"), []

    def product(X):
        seen.append(torch.is_autocast_enabled("cpu"))
        return M @ X

    A = LinearOperator(M.shape, matmat=product, rmatmat=lambda X: M.T @ X)
    outside = fanion.topk_svd(A, 3, method=method)
    with torch.autocast("cpu"):
        inside = fanion.topk_svd(A, 3, method=method)
        assert torch.is_autocast_enabled("cpu")
    assert same(inside[:3], outside[:3])
    assert not any(seen)


def test_a_function_that_raises_leaves_autocast_on():
    def product(_):
        raise RuntimeError("no product today")

    A = LinearOperator((5, 4), matmat=product, rmatmat=product)
    with torch.autocast("cpu"):
        with pytest.raises(RuntimeError, match="no product today"):
            fanion.topk_svd(A, 1, method="lanczos")
        assert torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_steps(name, parameters):
    results = []
    for enabled in (False, True):
        params = parameters((24, 16), (16, 40), (6, 3, 3, 3))
        optimizer = OPTIMIZERS[name](params, lr=0.1)
        with torch.autocast("cpu", enabled=enabled):
            for _ in range(3):
                optimizer.step()
        results.append([*params, *(s for p in params for s in optimizer.state[p].values())])
    assert same(*results)
