.DEFAULT_GOAL := help
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: help setup demo up dev test check soak bench lock

help:            ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 10

setup: $(STAMP)  ## only the environment: .venv with the locked dependencies

$(STAMP): requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.5'
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

demo: setup      ## the main job on the sandbox, start to finish, and a summary
	@$(BIN)/st-pipeline demo

up: setup        ## Postgres, Dagster UI and daemon with a sandbox; Ctrl-C ends all of it
	@$(BIN)/st-pipeline up --sandbox

dev: setup       ## Dagster's own development server on this project's instance
	@$(BIN)/st-pipeline dev

test: setup      ## the whole suite, under ten minutes on two cores
	@$(BIN)/python -m pytest -m "not soak" -n 3  # some tests wait for most of their time

soak: setup      ## the slow tests: memory, long runs
	@$(BIN)/python -m pytest -m soak

check: setup     ## lint, format, types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright

bench: setup     ## what is measured, against whom
	@$(BIN)/python -m benchmarks

lock: setup      ## resolve the dependencies anew
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --group dev --generate-hashes \
	  --no-emit-index-url --no-header --upgrade pyproject.toml -o requirements.lock
