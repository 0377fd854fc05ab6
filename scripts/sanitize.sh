#!/usr/bin/env bash
# sanitize.sh asan|tsan [GoogleTest filter]: builds the C++ tests in build-asan or build-tsan and runs them, or those that
# the filter chooses, with the first finding as the end. asan: AddressSanitizer and UndefinedBehaviorSanitizer, all tests;
# tsan: ThreadSanitizer, the tests of what the library does in threads, with four of them.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1 filter=${2:-}
export PATH="$PWD/${VENV:-.venv}/bin:$PATH"
threaded='DenseSteps*:GramSchmidt*:LargePages*:NarrowCopy*:GaussianBlock*:PairGram*:Skinny*:SumOfSquares*:LmoStep*:Momentum*:BatchedSvd*'

cmake --preset "$preset" >/dev/null
cmake --build --preset "$preset"
tests=build-$preset/tests/cpp/fanion_tests
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
# libtorch loads plugins and keeps what it allocates at start for ever. GCC 12 lays vectors of 64 bytes at 32 where it
# watches for the use of a stack after its return.
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0
export TSAN_OPTIONS=halt_on_error=1:second_deadlock_stack=1:suppressions=$PWD/tests/tsan/suppressions.txt
case $preset in
  asan) if [ -n "$filter" ]; then OMP_NUM_THREADS=2 "$tests" --gtest_brief=1 --gtest_filter="$filter"
        else ctest --preset asan -j "$(env -u OMP_NUM_THREADS nproc)"; fi ;;
  # Without address randomisation, which ThreadSanitizer's map of the memory does not stand.
  tsan) OMP_NUM_THREADS=4 setarch -R "$tests" --gtest_brief=1 --gtest_filter="${filter:-$threaded}" ;;
esac
