#!/usr/bin/env bash
# Makes the environment VENV (.venv) with torch and the build tools, and sees to the C++ packages. Safe to run again.
# TORCH is the version of torch; pyproject.toml's default where it is not set.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
venv=${VENV:-.venv}
pyproject() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" pyproject.toml; }
supported=$(pyproject supported)
torch_version=${TORCH:-$(pyproject default)}

say() { printf '== %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
can_apt() { command -v apt-get >/dev/null && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; }
apt_install() {
  local as=(); [ "$(id -u)" = 0 ] || as=(sudo -n)
  "${as[@]}" apt-get update -qq >/dev/null 2>&1 || true
  DEBIAN_FRONTEND=noninteractive "${as[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

command -v "$python" >/dev/null || fail "$python is not installed; fanion needs Python 3.10 or later (or set PYTHON)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || fail "$("$python" --version) is too old; fanion needs 3.10 or later (or set PYTHON)"
command -v g++ >/dev/null || fail "g++ is not installed; fanion needs version 11 or later"
[ "$(g++ -dumpversion | cut -d. -f1)" -ge 11 ] || fail "g++ $(g++ -dumpversion) is too old; fanion needs version 11 or later"

# An environment that already brings a torch that will do (a CUDA build, say) is used as it is.
share=()
if "$python" - "$supported" "${TORCH:-}" 2>/dev/null <<'EOF'
import re, sys, torch
low, high = (tuple(map(int, minor)) for minor in re.findall(r"(\d+)\.(\d+)", sys.argv[1]))
here = torch.__version__.split("+")[0]
sys.exit(not low <= tuple(map(int, here.split(".")[:2])) < high or sys.argv[2] not in ("", here))
EOF
then
  say "using the torch that $python already has"
  share=(--system-site-packages)
fi
if [ ! -x "$venv/bin/python" ]; then
  say "making $venv"
  if ! "$python" -m venv "${share[@]}" "$venv" >/dev/null 2>&1; then
    rm -rf "$venv"
    can_apt || fail "$python -m venv does not work here; install the python3-venv package"
    apt_install python3-venv
    "$python" -m venv "${share[@]}" "$venv"
  fi
fi
pip=("$venv/bin/python" -m pip --disable-pip-version-check --quiet)

if ! "$venv/bin/python" -c 'import torch' 2>/dev/null; then
  say "installing torch $torch_version"
  # The CPU build where pip's own sources have it; else uv knows where PyTorch keeps it; else whatever pip finds.
  "${pip[@]}" install "torch==$torch_version+cpu" 2>/dev/null ||
    { "${pip[@]}" install uv && "$venv/bin/uv" --quiet pip install --python "$venv/bin/python" --torch-backend cpu "torch==$torch_version"; } 2>/dev/null ||
    { say "the CPU build of torch is not to be had, installing the default one"; "${pip[@]}" install "torch==$torch_version"; }
fi
say "installing build and test tools"
mapfile -t tests < <(sed -n 's/^test = \[\(.*\)\]$/\1/p' pyproject.toml | tr -d '" ' | tr ',' '\n')
"${pip[@]}" install cmake ninja "scikit-build-core>=1.1" numpy "${tests[@]}"

missing=()
for package in nlohmann-json3-dev:nlohmann/json.hpp libcli11-dev:CLI/CLI.hpp libgtest-dev:gtest/gtest.h; do
  printf '#include <%s>\n' "${package#*:}" | g++ -std=c++20 -E -x c++ - >/dev/null 2>&1 || missing+=("${package%%:*}")
done
if [ ${#missing[@]} -gt 0 ]; then
  if can_apt && apt_install "${missing[@]}"; then
    say "installed ${missing[*]}"
  else
    say "CMake will fetch what ${missing[*]} would bring"
  fi
fi
touch "$venv/bin/.ready"
