# The one list of commands; CI calls the same ones.
PYTHON ?= python3
BIN := .venv/bin

.DEFAULT_GOAL := test
.PHONY: demo test check coverage agreement simulate format bench recovery crash crash-sweep mutation long-run clean

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

# Only the tests that are about single rules and the stories count: they take seconds, while tracing
# the drawn examples of the properties would double the time of the whole suite.
coverage: .venv/.stamp  ## branch coverage of the rules, with its gate
	$(BIN)/pytest -q tests/unit/domain tests/scenario --cov --cov-branch --cov-report=
	$(BIN)/coverage report --include='*/domain/*' --show-missing --skip-covered --fail-under=95

# Elsewhere these tests are skipped, or run with what happens to be installed, and the figures that
# were recorded from the libraries stand in for them.
agreement: .venv/.stamp  ## our numbers against skfolio, empyrical-reloaded and SciPy themselves
	$(BIN)/python -m pip install --quiet --editable '.[agreement]'
	$(BIN)/python -W ignore -c 'import empyrical, scipy, skfolio'
	$(BIN)/pytest -q tests/unit/domain/test_statistics_agreement.py \
		tests/unit/domain/capital/test_risk_parity.py tests/unit/adapters/allocation

simulate: .venv/.stamp  ## 10,000 simulated runs with faults, planted faults, task orders; hours
	-$(BIN)/python -m tests.simulation --seeds 0:10000 --jobs 2 --out build/seeds.jsonl
	$(BIN)/python -m tests.simulation --report build/seeds.jsonl --page docs/reliability.md
	$(BIN)/python -m tests.simulation.mutants --jobs 2 --page docs/reliability.md
	$(BIN)/python -m tests.simulation.schedules --out build/schedules.jsonl --page docs/reliability.md

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
	$(BIN)/python -m benchmarks.where --bars 200000 --page docs/performance.md

recovery: .venv/.stamp  ## starts over long journals, and their replay; half an hour, on a quiet machine
	$(BIN)/python -m benchmarks.recovery --page docs/reliability.md

crash: .venv/.stamp  ## kills, signals and full disks against live processes, two hours; as root, or without the tmpfs suite
	$(BIN)/python -m tests.processes.crash --page docs/reliability.md

mutation: .venv/.stamp  ## small changes to books, limits and journal that a test must notice; an hour
	$(BIN)/python -m tests.mutation.run --page docs/mutation.md

crash-sweep: .venv/.stamp  ## every failpoint of twelve simulated runs, half an hour
	$(BIN)/python -m tests.simulation.crash_sweep --page docs/reliability.md

long-run: .venv/.stamp  ## a million events of paper trading in one process, and its memory
	$(BIN)/python -m tests.processes.long_run

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .coverage .hypothesis
