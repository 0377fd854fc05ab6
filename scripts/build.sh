#!/usr/bin/env bash
# Builds the library, the program and the C++ tests in BUILD (build/), and installs the Python package into VENV (.venv)
# from it.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv} build=${BUILD:-build}
export PATH="$PWD/$venv/bin:$PATH"
start=$SECONDS
printf '== building fanion\n'
"$venv/bin/python" -m pip --disable-pip-version-check --quiet install --no-build-isolation --no-deps --force-reinstall \
  --config-settings=build-dir="$build" --config-settings=cmake.define.FANION_TESTS=ON . ||
  { printf 'build: failed; the whole output: %s/bin/python -m pip install -v --no-build-isolation .\n' "$venv" >&2; exit 1; }
printf '== built in %s s\n' $((SECONDS - start))
touch "$build/.installed"
