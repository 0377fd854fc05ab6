"""Every rule steps with any number of threads: a step that never ends is a failure."""

import subprocess
import sys

import pytest

# What LAPACK shares among threads (130 × 70), what it does not, and what a step shares among threads instead of
# stepping beside others: more than 16 MB / (4 · threads) entries, long and thin so that a dense SVD of it is cheap.
# Only rules that are found in different ways take the large one.
PROGRAM = """
import sys, torch, fanion
threads = int(sys.argv[1])
torch.set_num_threads(threads)
large = (4 * 1024 * 1024 // threads // 32 + 1, 32)
shapes = {"small": [(130, 70), (1, 28), (40, 40), (64, 130)], "large": [large], "mixed": [(130, 70), large, (9, 6)]}
needs = {"ky_fan_dual": "k=1", "ky_fan": "k=1", "schatten": "p=3", "fanion": "k=1", "f-fanion": "k=1",
         "d-fanion": "k=1", "s-fanion": "k=1", "dion": "k=1"}
names = [rule.name for rule in fanion.norms.rules()]
texts = [f"{name}:{needs[name]}" if name in needs else name for name in names]
many = ["spectral", "nuclear", "muon", "neon", "f-neon", "d-fanion:k=1", "nsgd", "signum", "schatten:p=3"]
texts += [f"neon:svd={method}" for method in ("dense", "lanczos", "block_krylov")]
texts += ["muon:polar=exact", "0.3*nuclear + 0.7*spectral"]
cases = [(text, kind) for text in texts for kind in shapes if kind == "small" or text in many]
for text, kind in cases:
    for dtype in (torch.float32, torch.float64) if kind == "small" else (torch.float32,):
        print(text, kind, dtype, flush=True)
        params = [torch.nn.Parameter(torch.randn(m, n, dtype=dtype)) for m, n in shapes[kind]]
        optimizer = fanion.LmoOptimizer(params, rule=text)
        for p in params:
            p.grad = torch.randn_like(p)
        optimizer.step()
        assert all(p.isfinite().all() for p in params)
print("done")
"""


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_every_rule_ends(threads):
    try:
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(threads)], capture_output=True, text=True, timeout=120, check=False
        )
    except subprocess.TimeoutExpired as late:
        said = (late.stdout or b"nothing").decode().splitlines()
        pytest.fail(f"with {threads} threads, this step does not end: {said[-1]}")
    assert run.returncode == 0, run.stdout.splitlines()[-1:] + run.stderr.splitlines()[-1:]
    assert run.stdout.endswith("done\n")
