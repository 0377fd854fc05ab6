#!/usr/bin/env bash
# Builds the library, the program and the C++ tests in build/, and installs the Python package into .venv from it.
set -euo pipefail
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
start=$SECONDS
printf '== building fanion\n'
.venv/bin/python -m pip --disable-pip-version-check --quiet install --no-build-isolation --no-deps --force-reinstall \
  --config-settings=build-dir=build --config-settings=cmake.define.FANION_TESTS=ON \
  --config-settings=cmake.define.FANION_PYTHON="$PWD/.venv/bin/python" . ||
  { printf 'build: failed; the whole output: .venv/bin/python -m pip install -v --no-build-isolation .\n' >&2; exit 1; }
printf '== built in %s s\n' $((SECONDS - start))
touch build/.installed
