#!/usr/bin/env bash
# dist/: a wheel, built for the torch of VENV (.venv), and the sources as a package.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv} build=${BUILD:-build}
export PATH="$PWD/$venv/bin:$PATH"
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)
rm -rf dist
"${pip[@]}" install build
"${pip[@]}" wheel --no-build-isolation --no-deps --config-settings=build-dir="$build" -w dist .
"$venv/bin/python" -m build --no-isolation --sdist --outdir dist . >/dev/null
ls -l dist
