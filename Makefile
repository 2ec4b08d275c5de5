# The one list of commands; CI calls the same ones.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := test
.PHONY: demo test check coverage format bench clean

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

bench: .venv/.stamp  ## every measurement of docs/performance.md, hours; on a quiet machine
	$(BIN)/python -m pip install --quiet --editable '.[bench]'
	$(BIN)/python benchmarks/setup_peers.py
	$(BIN)/python -m benchmarks.compare --page docs/performance.md --json build/compare.json
	$(BIN)/python -m benchmarks.micro --page docs/performance.md
	$(BIN)/python -m benchmarks.growth --picture docs/growth.png --page docs/performance.md
	$(BIN)/python -m benchmarks.live_path --page docs/performance.md
	$(BIN)/python -m benchmarks.imports --page docs/performance.md

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .hypothesis
