#!/usr/bin/env bash
# torch 2.13.0, CPU: the fused AdamW pairs a weight with the gradient that lies at the same place in memory, not with
# the one of the same index, where the two are laid out differently.
#
# torch.optim.AdamW(fused=True) takes such parameters without a word, and its result differs from fused=False. Guessed
# beforehand: an error, or the same result by way of a copy, as for the other implementations of the same optimizer.
#
# Seen on x86-64: a 3 x 4 weight that is the transpose of a contiguous matrix, a contiguous gradient that grows from
# -5.5 to 5.5, one step of lr = 0.1. A first step of Adam moves every entry by lr against the sign of its gradient.
#   fused=False: 12 of 12 entries move against their gradient
#   fused=True:   8 of 12
#
# fanion's AdamW groups lay out what they hand to it alike first (tests/cpp/optim/adamw_step_test.cpp).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" --disable-pip-version-check --quiet install torch==2.13.0 numpy
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import torch

gradient = torch.arange(12.0).reshape(3, 4) - 5.5


def entries_moved_against_their_gradient(fused: bool) -> int:
    weight = torch.nn.Parameter(torch.zeros(4, 3).t())
    weight.grad = gradient.clone()
    torch.optim.AdamW([weight], lr=0.1, weight_decay=0, fused=fused).step()
    return int((weight.detach().sign() == -gradient.sign()).sum())


seen = {fused: entries_moved_against_their_gradient(fused) for fused in (False, True)}
for fused, entries in seen.items():
    print(f"torch {torch.__version__}, fused={fused}: {entries} of 12 entries move against their gradient")
assert seen == {False: 12, True: 8}, "the behaviour has changed"
PYTHON
