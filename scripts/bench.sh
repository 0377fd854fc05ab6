#!/usr/bin/env bash
# Installs the peers of the benchmarks and runs all benchmarks with short settings; arguments go to the top-k SVD's.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf '== %s\n' "$*"; }
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
pip=(.venv/bin/python -m pip --disable-pip-version-check --quiet)

extra() { sed -n "s/^$1 = \[\(.*\)\]\$/\1/p" pyproject.toml | tr -d '" ' | tr ',' '\n'; }
mapfile -t peers < <(extra bench)
"${pip[@]}" install "${peers[@]}"
# PRIMME is compiled, and links with a LAPACK; without one the benchmark says that it is missing.
mapfile -t primme < <(extra primme)
if ! .venv/bin/python -c 'import primme' 2>/dev/null; then
  say "building PRIMME"
  ldconfig -p | grep -q 'liblapack\.so$' ||
    { as_root apt-get update -qq && DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends libopenblas-dev; } >/dev/null 2>&1 || true
  "${pip[@]}" install "${primme[@]}" >/dev/null 2>&1 || say "PRIMME does not build here: pip install primme says why; going on without it"
fi

say "one step of each optimizer"
.venv/bin/python benchmarks/optimizer_step.py --rounds 3
say "products and read bandwidth"
.venv/bin/python -m benchmarks.bandwidth --quick
say "top-k SVD"
.venv/bin/python -m benchmarks.topk_svd --quick "$@"
