#!/usr/bin/env bash
# torch 2.13.0, CPU: a step of torch.optim.Muon depends on the scale of the gradient, although an orthogonalised matrix
# does not; a gradient of 3e20 an entry, finite in float32 and in bfloat16, makes no step at all.
#
# Guessed beforehand: the same step for every scale that the dtype holds, but for rounding, and for gradients around
# eps = 1e-7, which the documentation names.
#
# Seen on x86-64: a 3 x 3 weight, the gradient a multiple of the identity, one step of lr = 0.1 without decay. The
# change of a diagonal entry, which is about -0.1 (Newton-Schulz with torch's coefficients ends near, not at 1):
#   1e-12: -4.8e-05      1: about -0.1      1e18: as for 1      3e20: 0      1e25: 0
# The matrix is divided by its Frobenius norm, whose squares overflow to infinity while no entry does.
#
# fanion divides by a power of two first: its Muon's step is the same for all of them (tests/cpp/norms/scale_test.cpp).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check --quiet install torch==2.13.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import torch


def change(scale: float) -> float:
    weight = torch.nn.Parameter(torch.zeros(3, 3))
    weight.grad = torch.eye(3) * scale
    torch.optim.Muon([weight], lr=0.1, weight_decay=0).step()
    return weight[0, 0].item()


seen = {scale: change(scale) for scale in (1e-12, 1.0, 1e18, 3e20, 1e25)}
for scale, entry in seen.items():
    print(f"torch {torch.__version__}, gradient {scale:g}: the weight changes by {entry:g}")
usual = seen[1.0]
assert -0.2 < usual < -0.05 and seen[1e18] == usual, "the usual step has changed"
assert usual / 1000 < seen[1e-12] < 0, "the step of a tiny gradient has changed"
assert seen[3e20] == 0 and seen[1e25] == 0, "the step of a huge gradient has changed"
PYTHON
