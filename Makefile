# Everyday commands of this repository. `make help` lists them; every target does its own set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SHARED := $(or $(SRFLEET_SHARED),../shared)
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow test-isa test-gpu lint types imports format bench golden picture train evaluate

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## install everything into .venv

# The stamp's time is that of the last installation, repeated only when a pin or a dependency
# changes. torch is installed first and alone, so that no other build than the pinned one is chosen.
$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"srfleet needs Python 3.11 or newer: make PYTHON=python3.x")'
	@echo "installing into $(VENV) (minutes the first time)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq -c constraints.txt torch
	@$(PIP) install -qq -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(INSTALLED) ## upscale the sample photographs with every model; writes demo-out/
	@$(BIN)/srfleet demo

test: $(INSTALLED) ## unit, property and integration tests
	@$(BIN)/pytest -q -m 'not slow and not gpu'

test-slow: $(INSTALLED) ## fault, soak and second-server suites
	@$(BIN)/pytest -q -m 'slow and not gpu'

test-isa: $(INSTALLED) ## numeric tests under emulated older instruction sets
	@$(BIN)/pytest -q -rs tests/golden/test_instruction_sets.py

test-gpu: $(INSTALLED) ## tests that need a CUDA device
	@$(BIN)/pytest -q -m gpu

lint: $(INSTALLED) types imports ## ruff, mypy and the import contracts
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check .

types: $(INSTALLED) ## mypy
	@$(BIN)/mypy

imports: $(INSTALLED) ## the import contracts
	@$(BIN)/lint-imports --no-logo

format: $(INSTALLED) ## let ruff format and fix what it can
	@$(BIN)/ruff check --quiet --fix . ; $(BIN)/ruff format --quiet .

bench: $(INSTALLED) ## measure this machine, write docs/benchmarks.md; ARGS=--quick for a trial
	@$(BIN)/python -m benchmarks $(ARGS)

golden: $(INSTALLED) ## rewrite the golden images; look at them before you commit
	@$(BIN)/pytest -q -m 'not slow' tests/golden --write-golden

picture: $(INSTALLED) ## draw the README's picture from the sample photographs
	@$(BIN)/python -m benchmarks.picture

train: $(INSTALLED) ## train on SRFLEET_SHARED, or resume, in out/training; ARGS='--workers 2'
	@$(BIN)/srfleet train $(SHARED)/data/train out/training --validation $(SHARED)/data/val $(ARGS)

evaluate: $(INSTALLED) ## score the shipped weights on Set5 and Set14 of SRFLEET_SHARED; ARGS='--model PATH'
	@test -d $(SHARED)/data/bench || { echo "make evaluate: no Set5 and Set14 in $(SHARED)/data/bench;" \
		"set SRFLEET_SHARED" >&2; exit 2; }
	@$(BIN)/srfleet evaluate $(SHARED)/data/bench/Set5 $(SHARED)/data/bench/Set14 \
		--output out/evaluation/$$(date +%Y-%m-%d-%H%M%S) $(ARGS)
