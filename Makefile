# make demo and make test are all a newcomer needs; each sets up what is missing first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
BUILD := build
SHELL := /bin/bash

sources := $(shell find lib app cmake -type f | sed 's/ /\\ /g') CMakeLists.txt pyproject.toml
python_sources := $(shell find python -name '*.py' -o -name py.typed)
test_sources := $(shell find tests/cpp tests/parity -type f)

.PHONY: help setup build demo test lint bench clean

help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

$(BIN)/.ready: scripts/setup.sh
	@PYTHON="$(PYTHON)" bash scripts/setup.sh

setup: $(BIN)/.ready ## .venv with torch and the build tools, and the C++ packages

$(BUILD)/.installed: $(BIN)/.ready $(sources) $(python_sources) $(test_sources)
	@bash scripts/build.sh

build: $(BUILD)/.installed ## the library, the program, the tests and the Python package in .venv

demo: build ## train a GPT with seven optimizers and compare them (about 4 minutes)
	@$(BIN)/fanion compare gpt

test: build ## all tests, C++ and Python
	@bash scripts/test.sh

lint: build ## clang-format, clang-tidy, ruff and mypy
	@bash scripts/lint.sh

bench: build ## time the optimizers' steps and the top-k SVD against their peers (short settings)
	@bash scripts/bench.sh

clean: ## remove what was built, but not .venv and runs
	rm -rf $(BUILD)
