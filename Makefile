# Everything below needs Python 3.11 (or 3.12) and make; the rest is installed into .venv.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# Without bytecode files pytest and ape recompile hundreds of modules: nine seconds at each start.
unexport PYTHONDONTWRITEBYTECODE
# ape finds vyper and anvil through PATH only.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
# uv must use this project's .venv, whatever environment the caller has active.
unexport VIRTUAL_ENV
export UV_PROJECT_ENVIRONMENT := $(CURDIR)/.venv

PY := .venv/bin/python
READY := .venv/.ready
UV_VERSION := 0.13.9
PYTHON ?= $(firstword $(foreach p,python3.11 python3.12 python3,$(shell $(p) -c \
	'import sys; (3, 11) <= sys.version_info < (3, 13) and print("$(p)")' 2>/dev/null)))

# Options of the targets: make demo ARGS="--gap", make test JOBS=4 ARGS="-k oracle", make fuzz STEPS=100000
ARGS ?=
JOBS ?= 2
STEPS ?= 100000

.PHONY: help setup demo compare test prove gas scale bench-keepers chaos size layout lint catalogue format fuzz wealth clean

help:
	@echo "tidegate: targets of this Makefile"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(READY) ## install the locked environment and anvil into .venv

demo: $(READY) ## replay a crash on a local chain (ARGS="--gap", see README)
	.venv/bin/tidegate demo $(ARGS)

compare: $(READY) ## real crashes with and without each damper (TIDEGATE_MARKET_DATA names the bars)
	.venv/bin/tidegate demo --compare $(ARGS)

test: $(READY) ## run all tests on JOBS=2 processes (ARGS="-k name" for some)
	$(PY) -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

prove: $(READY) ## prove the lemmas of docs/theorems.md with z3 and find their seeded bugs (half a minute)
	$(PY) -m tests.formal.prove $(ARGS)

gas: $(READY) ## measure the gas of every operation into tests/snapshots/gas.json
	$(PY) -m scripts.gas $(ARGS)

scale: $(READY) ## the same calls among 10 and 10,000 accounts: no cost grows with the exchange
	$(PY) -m scripts.gas_scale $(ARGS)

bench-keepers: $(READY) ## measure the keepers on one anvil, into docs/keepers.md (eight minutes)
	$(PY) -m scripts.bench_keepers $(ARGS)

chaos: $(READY) ## faults around the keepers: a table of verdicts (a quarter of an hour; ARGS="--rounds 2 --kills 20")
	$(PY) -m tests.integration.chaos $(ARGS)

size: $(READY) ## runtime bytes of every contract against their limits, into tests/snapshots/size.json
	$(PY) -m scripts.size $(ARGS)

layout: $(READY) ## storage layouts and ABIs into tests/snapshots/ (ARGS=--check fails on a difference)
	$(PY) -m scripts.layout $(ARGS)

lint: $(READY) ## check style: ruff, mamushi, pragmas, and the lints of scripts/lints.py
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	$(PY) -m scripts.check_vyper_style
	$(PY) -m scripts.lints

catalogue: $(READY) ## count the attacks that are tested; fail on one that nothing answers
	$(PY) -m scripts.catalogue $(ARGS)

format: $(READY) ## rewrite Python and Vyper sources in the project's format
	.venv/bin/ruff check --fix-only --quiet .
	.venv/bin/ruff format .
	$(PY) -m scripts.check_vyper_style --fix

fuzz: $(READY) ## run the state machine longer: STEPS=100000 rules
	TIDEGATE_FUZZ_STEPS=$(STEPS) $(PY) -m pytest tests/stateful/test_clearing_machine.py $(ARGS)

wealth: $(READY) ## run the wealth machine longer: STEPS=100000 actions
	TIDEGATE_WEALTH_STEPS=$(STEPS) $(PY) -m pytest tests/stateful/wealth $(ARGS)

clean: ## remove everything that can be made again, .venv too
	rm -rf .venv .build .pytest_cache .ruff_cache .hypothesis build dist out *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A venv whose interpreter is gone (moved folder, upgraded Python) is made anew.
$(READY): pyproject.toml uv.lock scripts/fetch_anvil.py
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or 3.12 is needed: none of python3.11, python3.12, python3 is one" >&2; \
		exit 1; \
	fi
	@$(PY) -c pass 2>/dev/null || { echo "making .venv with $(PYTHON)"; $(PYTHON) -m venv --clear .venv; }
	@$(PY) -m uv --version 2>/dev/null | grep -q '^uv $(UV_VERSION)\b' \
		|| $(PY) -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(PY) -m uv sync --locked --quiet --compile-bytecode
	$(PY) scripts/fetch_anvil.py
	@touch $@
