# Two commands matter: `make run` (the demo) and `make test` (the proof). Both set up .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Hospital networks have certificates of their own: trust what the system trusts.
export UV_SYSTEM_CERTS := true

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run test slow-tests screenshots lint mutants old-clients proofs bench lock clean

help:  ## Show the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(BIN)/uv: requirements/uv.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; say which: make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/uv.txt
	@touch $@

$(VENV)/.run-installed: $(BIN)/uv requirements/run.txt pyproject.toml
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/run.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev-installed: $(VENV)/.run-installed requirements/dev.txt
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	@touch $@

setup: $(VENV)/.run-installed  ## Build .venv with what the project runs on

setup-dev: $(VENV)/.dev-installed  ## ... and with what its tests need

run: setup  ## Build, audit and publish the demo study into output/
	$(BIN)/salvage run

test: setup-dev  ## The test suite (within ten minutes on two cores)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile

slow-tests: setup-dev  ## The tests that take minutes each (marked slow)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadfile -m slow

screenshots: setup-dev  ## Every part of every page of the dashboard, into screenshots/, to look at
	SALVAGE_SCREENSHOTS=all $(BIN)/python -m pytest tests/test_dashboard.py -k screenshots

lint: setup-dev  ## Formatting, types and SQL style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/yamllint --strict .
	$(BIN)/sqlfluff lint --processes 2 --disable-progress-bar models macros analyses tests/dbt
	$(BIN)/sqlfluff lint --disable-progress-bar --config tests/omop.sqlfluff \
	  models/*/omop models/*/omop_rules

ONE_IN ?= 1
mutants: setup-dev  ## Mutation testing of the compiled SQL (slow; ONE_IN=4: a quarter of it)
	$(BIN)/python -m tests.mutation.run_mutants --one-in $(ONE_IN)

old-clients: run  ## Open the published file in DuckDB 1.3, 1.4 and 1.5
	tests/old_clients.sh output/published/salvage.duckdb

KILLS ?= 100
PUBLISH_KILLS ?= 300
PUBLICATIONS ?= 52
proofs: setup-dev  ## Kills at random moments, readers during publications, a million planted faults (30 minutes)
	$(BIN)/python bench/planted_faults.py
	$(BIN)/python -m tests.publication.kill_proof --kills $(KILLS) --publish-kills $(PUBLISH_KILLS)
	$(BIN)/python -m tests.publication.readers_proof --publications $(PUBLICATIONS)

bench: setup-dev  ## The measured claims of docs/measures.md
	$(BIN)/python bench/run_against_dbt_build.py
	$(BIN)/python bench/hundred_thousand_patients.py
	$(BIN)/python -m bench.dashboard_of_many
	$(BIN)/python bench/gate_against_read_csv.py
	$(BIN)/python bench/definitions_against_one.py
	$(BIN)/python bench/statistics_layer.py
	$(BIN)/python bench/eras_against_floor.py
	$(BIN)/python bench/eras_against_others.py
	$(BIN)/python bench/growth_of_eras.py
	$(BIN)/python bench/dbt_build_against_eras.py

lock: $(BIN)/uv  ## Resolve requirements/*.in again into hash-locked files
	for name in uv run dev; do \
	  $(BIN)/uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	    --no-emit-index-url --custom-compile-command 'make lock' \
	    requirements/$$name.in --output-file requirements/$$name.txt; \
	done

clean:  ## Remove what was generated (not .venv)
	rm -rf output target logs salvage_demo.duckdb salvage_demo.duckdb.wal
