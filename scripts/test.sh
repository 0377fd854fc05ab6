#!/usr/bin/env bash
# The C++ tests, then the Python tests against the installed package, a file a process. With arguments, the Python tests
# that they choose only, for example -k polar.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv} build=${BUILD:-build}
cores=$(env -u OMP_NUM_THREADS nproc)  # which prints that variable where it is set
if [ $# = 0 ]; then
  "$venv/bin/ctest" --test-dir "$build" -j "$cores" --output-on-failure --no-tests=error
  set -- -n "$cores" --dist loadfile
fi
# A thread each: tests that need more say so.
OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} "$venv/bin/python" -m pytest "$@"
