# Connected Places. `make` alone prints what there is to make; each target sets up what it needs first.
#
#   AUTHORITY    the authority folder to run          (data/sample)
#   OUTPUT       where everything that is made goes   (output)
#   PLACES_DATA  the folder that `{data}` stands for in an authority's descriptions, where it has one
#   PYTHON       a Python 3.11 to 3.13, used once to set up .venv
#
# For example: make run AUTHORITY=examples/bath PLACES_DATA=~/open-data

AUTHORITY ?= data/sample
OUTPUT ?= output
PYTHON ?= python3
# Tests run on as many cores as there are, up to four: each process opens its own browser. A file's tests stay together,
# and the longest files come first (tests/conftest.py).
TEST_ARGUMENTS ?= --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

BIN := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
# The folders of code that are there (git keeps no empty ones).
CODE := $(wildcard pipelines assets tests data benchmarks) setup_environment.py

# Dagster would otherwise report usage to its makers.
export DAGSTER_DISABLE_TELEMETRY := yes
# Some containers forbid Python to keep what it has compiled: each of the tests' processes would compile Dagster again.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run ui test test-slow lint bench clean

help: ## Print this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

setup: ## Set up .venv with what running needs (the others do it themselves)
	@$(PYTHON) setup_environment.py

setup-dev:
	@$(PYTHON) setup_environment.py --dev

run: setup ## Make every table and map of AUTHORITY
	@$(BIN)/places run --authority "$(AUTHORITY)" --output "$(OUTPUT)"

ui: setup ## Open the graph of tables, their history and checks in a browser
	@$(BIN)/places ui --authority "$(AUTHORITY)" --output "$(OUTPUT)"

test: setup-dev ## Run the tests but the slow ones
	@$(BIN)/python -m pytest $(TEST_ARGUMENTS) -m "not slow"

test-slow: setup-dev ## Run those that make whole runs: the sample, a year, kills, full disks
	@$(BIN)/python -m pytest $(TEST_ARGUMENTS) -m slow

lint: setup-dev ## Check style, format and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy $(CODE)

bench: setup ## Measure how long the work takes
	@$(BIN)/python -m benchmarks

clean: ## Remove .venv and caches; what was made, in OUTPUT, stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache *.egg-info
	find assets benchmarks data pipelines tests -name __pycache__ -prune -exec rm -rf {} +
