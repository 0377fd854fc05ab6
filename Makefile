# make demo and make test are all a newcomer needs; each sets up what is missing first.
PYTHON ?= python3
VENV := .venv
BUILD := build
BIN := $(VENV)/bin
SHELL := /bin/bash
export PYTHON VENV BUILD

sources := $(shell find lib app cmake -type f | sed 's/ /\\ /g') CMakeLists.txt pyproject.toml scripts/build_backend.py
python_sources := $(shell find python -name '*.py' -o -name py.typed)
test_sources := $(shell find tests/cpp tests/parity tests/fuzz -type f)

.PHONY: help setup build demo test test-cpp test-torch asan tsan lint bench fuzz dist clean

help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/.ready: scripts/setup.sh
	@bash scripts/setup.sh

setup: $(BIN)/.ready ## .venv with torch and the build tools, and the C++ packages

$(BUILD)/.installed: $(BIN)/.ready $(sources) $(python_sources) $(test_sources)
	@bash scripts/build.sh

build: $(BUILD)/.installed ## the library, the program, the tests and the Python package in .venv

demo: build ## train a GPT with seven optimizers and compare them (about 4 minutes)
	@$(BIN)/fanion compare gpt

test: build ## all tests, C++ and Python; ARGS="-k polar" runs the Python tests that pytest finds with it
	@bash scripts/test.sh $(ARGS)

test-cpp: build ## the C++ tests; ARGS="-R polar" runs those that ctest finds with it
	@$(BIN)/ctest --test-dir $(BUILD) -j "$$(env -u OMP_NUM_THREADS nproc)" --output-on-failure --no-tests=error $(ARGS)

test-torch: ## all tests with another torch, in an environment of their own: TORCH=2.9.1
	@test -n "$(TORCH)" || { echo 'which torch? for example: make test-torch TORCH=2.9.1'; exit 1; }
	@mkdir -p build-torch && $(MAKE) test TORCH=$(TORCH) VENV=build-torch/$(TORCH)/venv BUILD=build-torch/$(TORCH)/build

asan: $(BIN)/.ready ## the C++ tests under AddressSanitizer and UndefinedBehaviorSanitizer; ARGS="Polar*" runs some
	@bash scripts/sanitize.sh asan $(ARGS)

tsan: $(BIN)/.ready ## the threaded C++ tests under ThreadSanitizer; ARGS="SkinnyProduct*" runs some
	@bash scripts/sanitize.sh tsan $(ARGS)

lint: build ## clang-format, clang-tidy, ruff and mypy
	@bash scripts/lint.sh

bench: build ## time the optimizers' steps and the top-k SVD against their peers (short settings)
	@bash scripts/bench.sh

dist: build ## a wheel for this torch and the sources as a package, in dist/
	@bash scripts/dist.sh

fuzz: build ## every parser of outside input under clang's libFuzzer, 10 minutes each
	@bash scripts/fuzz.sh

clean: ## remove what was built, but not .venv and runs
	rm -rf $(BUILD) build-torch build-debug build-asan build-tsan dist
