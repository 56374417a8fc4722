.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
unexport PYTHONDONTWRITEBYTECODE  # the programs that tests and demo start would compile everything again, each of them

.PHONY: help setup demo up dev test acceptance check soak bench lock

help:            ## list these targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

setup: $(STAMP)  ## create .venv with the locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup      ## run a whole sync on the sandbox and show a summary
	@$(BIN)/st-pipeline demo

up: setup        ## start Postgres, Dagster UI and daemon with a sandbox; Ctrl-C stops all
	@$(BIN)/st-pipeline up --sandbox

dev: setup       ## start Dagster's development server on this project's instance
	@$(BIN)/st-pipeline dev

test: setup      ## run the test suite, without what takes minutes
	@$(BIN)/python -m pytest -m "not acceptance and not soak" -n 3 --durations=25  # three workers on two cores: some tests mostly wait

acceptance: setup  ## run the tests that take minutes: a simulated month, 25 kills, 50,000 invoices, the whole stack
	@$(BIN)/python -m pytest -m acceptance -n 2 --timeout=1800 --durations=25

soak: setup      ## run the slow tests: memory, long runs
	@$(BIN)/python -m pytest -m soak

check: setup     ## check lint, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright

bench: setup     ## run the benchmarks
	@$(BIN)/python -m benchmarks

lock: setup      ## update the locked dependencies
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
	  --no-emit-index-url --no-header --upgrade pyproject.toml -o requirements.lock
