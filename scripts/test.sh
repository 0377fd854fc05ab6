#!/usr/bin/env bash
# The C++ tests, then the Python tests against the installed package.
set -euo pipefail
cd "$(dirname "$0")/.."
.venv/bin/ctest --test-dir build --output-on-failure --no-tests=error
.venv/bin/python -m pytest "$@"
