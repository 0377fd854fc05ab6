#!/usr/bin/env bash
# The C++ tests, then the Python tests against the installed package. With arguments, the Python tests that they choose
# only, for example -k polar.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv} build=${BUILD:-build}
if [ $# = 0 ]; then
  "$venv/bin/ctest" --test-dir "$build" -j "$(nproc)" --output-on-failure --no-tests=error
fi
"$venv/bin/python" -m pytest "$@"
