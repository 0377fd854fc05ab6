#!/usr/bin/env bash
# Fuzzes every parser with clang's libFuzzer, ASan and UBSan on the installed library (make build):
# scripts/fuzz.sh [seconds for each] [target...]. Inputs that are a fault stay in build/fuzz/found.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
seconds=${1:-600}
targets=("${@:2}")
[ ${#targets[@]} -gt 0 ] || targets=(npy token_shard safetensors config rule_text metrics svd_costs cifar10)
command -v clang++ >/dev/null || { printf 'fuzz: clang++ is not installed\n' >&2; exit 1; }
"$venv/bin/cmake" -S . -B build/fuzz -G Ninja -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_CXX_FLAGS=-O1 -DCMAKE_PREFIX_PATH="${FANION_PREFIX:-$("$venv/bin/python" -m fanion --cmake-prefix)}" \
  -DFANION_LIBFUZZER=ON -DFANION_PYTHON="$PWD/$venv/bin/python" >/dev/null
"$venv/bin/ninja" -C build/fuzz fanion_fuzz fanion_libfuzzer
mkdir -p build/fuzz/found
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
export ASAN_OPTIONS=detect_leaks=0:detect_odr_violation=0:alloc_dealloc_mismatch=0:detect_container_overflow=0
for target in "${targets[@]}"; do
  printf '== %s\n' "$target"
  corpus=build/fuzz/corpus/$target
  build/fuzz/tests/fuzz/fanion_fuzz "$target" corpus "$corpus"
  FANION_FUZZ_TARGET=$target build/fuzz/tests/fuzz/fanion_libfuzzer "$corpus" -dict="$corpus.dict" \
    -max_total_time="$seconds" -timeout=20 -max_len=65536 -rss_limit_mb=4096 -print_final_stats=1 \
    -artifact_prefix=build/fuzz/found/"$target"- 2>&1 | grep -E '^(stat::|==|SUMMARY|#[0-9]+.*DONE|artifact)|ERROR' || true
  ! ls build/fuzz/found/"$target"-* 2>/dev/null
done
