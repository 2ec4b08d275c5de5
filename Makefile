# The one list of commands; CI calls the same ones.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := test
.PHONY: demo test check coverage format clean

.venv/.stamp: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/.stamp  ## the specification's three strategies over the bundled data
	$(BIN)/orchestrion backtest examples/three_strategies.yaml

test: .venv/.stamp
	$(BIN)/pytest

check: .venv/.stamp  ## lint, format, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/basedpyright
	$(BIN)/lint-imports

coverage: .venv/.stamp  ## branch coverage of the rules, with its gate
	$(BIN)/pytest --cov --cov-report=term-missing:skip-covered -q
	$(BIN)/coverage report --include='*/domain/*' --fail-under=95

format: .venv/.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .hypothesis
