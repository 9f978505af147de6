# `make demo` and `make test` do all set-up themselves. `make help` lists the rest.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# The first Python that is new enough; PYTHON=... chooses another.
PYTHON ?= $(shell for each in python3 python3.13 python3.12 python3.11 python; do \
	if $$each -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$each; break; fi; done)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOURCES := src tests examples benchmarks hatch_build.py studio/build.py
WORKERS ?= auto

.PHONY: help
help: ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

# ---------------------------------------------------------------- set-up

.PHONY: setup
setup: $(READY) ## A private environment in .venv with everything that is needed

$(READY): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed, and none was found; name one with PYTHON=..." >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

# ---------------------------------------------------------------- to see it

.PHONY: demo
demo: $(READY) ## A workflow waits for a person, outlives its killed process, and finishes
	@$(BIN)/python -m examples.approval.demo

.PHONY: example
example: $(READY) ## A licence review of every distribution installed in .venv
	@$(BIN)/python -m examples.licence_review.demo

.PHONY: order
order: $(READY) ## Three orders: approved by two people at once, paid, cancelled, refunded
	@$(BIN)/python -m examples.order.demo

# ---------------------------------------------------------------- the studio

.PHONY: studio
studio: $(READY) ## Build the studio's pages, if their sources have changed
	@$(BIN)/python studio/build.py

.PHONY: studio-dev
studio-dev: $(READY) ## The studio's pages, anew at each change; the API they ask is at WAYSTATION_URL, or on port 8484
	@$(BIN)/python studio/build.py npm run dev

.PHONY: studio-check
studio-check: $(READY) ## Types, lint and unit tests of the studio's pages
	@$(BIN)/python studio/build.py npm run check
	@$(BIN)/python studio/build.py npm run lint
	@$(BIN)/python studio/build.py npm test

# ---------------------------------------------------------------- to trust it

.PHONY: test
test: lint typecheck studio studio-check browser ## Lint, type checks, and all tests
	@$(BIN)/python -m pytest -m "not fleet" -n $(WORKERS)
	@$(BIN)/python -m pytest -m fleet -n $(WORKERS)

.PHONY: test-fleet
test-fleet: $(READY) ## The tests on a Restate alone: what holds on one process holds on a fleet, and through its parts' deaths
	@$(BIN)/python -m pytest -m fleet -n $(WORKERS)

.PHONY: test-unit
test-unit: $(READY) ## The quick tests alone
	@$(BIN)/python -m pytest tests/unit

.PHONY: test-browser
test-browser: studio browser ## The tests in a browser alone
	@$(BIN)/python -m pytest tests/browser

.PHONY: browser
browser: $(READY) ## A browser for the tests: Debian's chromium, if there is no other
	@$(BIN)/python -m tests.browser.chromium

.PHONY: crash
crash: $(READY) ## The tests that kill processes, and the races, alone
	@$(BIN)/python -m pytest tests/crash -n $(WORKERS)

SECONDS ?= 60
RUNS ?= 500
STORE ?= postgres
.PHONY: chaos
chaos: $(READY) ## 500 runs while workers, connections and PostgreSQL are killed; SEED=... repeats one, STORE=sqlite
	@$(BIN)/python -m tests.crash.chaos --store $(STORE) --runs $(RUNS) --seconds $(SECONDS) $(if $(SEED),--seed $(SEED))

.PHONY: crash-matrix
crash-matrix: $(READY) ## Killed at every write, on both databases, with the repetitions that `make test` leaves out
	@WAYSTATION_CRASH_MATRIX=full $(BIN)/python -m pytest tests/crash/test_kill_in_every_node.py \
		tests/crash/test_kill_at_every_write.py -n $(WORKERS)

.PHONY: fleet-crash
fleet-crash: $(READY) ## A fleet of 3 workers and 3 nodes of Restate, of which some are killed under 400 runs: under a minute
	@WAYSTATION_FLEET_CRASH=full $(BIN)/python -m pytest -s tests/fleet/test_crash_of_workers_and_a_node.py

HISTORIES ?= 100000
.PHONY: simulate
simulate: $(READY) ## Random histories of the core, and with a faulty store, of seeds drawn anew; HISTORIES=... of each
	@$(BIN)/python -m tests.simulation.histories --count $(HISTORIES)
	@$(BIN)/python -m tests.simulation.faulty --count $(HISTORIES)

.PHONY: scale
scale: $(READY) ## Runs of 100,000 items, and 10,000 runs asleep, alone
	@$(BIN)/python -m pytest tests/scale -n $(WORKERS)

.PHONY: lint
lint: $(READY) ## Style, and who may import whom
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/lint-imports --no-logo

.PHONY: typecheck
typecheck: $(READY) ## mypy and pyright, both strict
	@$(BIN)/mypy
	@$(BIN)/pyright --pythonpath $(BIN)/python

.PHONY: format
format: $(READY) ## Put the sources in order
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

.PHONY: test-pythons
test-pythons: ## All tests under each of Python 3.11, 3.12 and 3.13 that is here
	@for version in 3.11 3.12 3.13; do \
		found=; \
		for each in python$$version "$$(pyenv root 2>/dev/null)"/versions/$$version.*/bin/python; do \
			if $$each --version >/dev/null 2>&1; then found=$$each; break; fi; done; \
		if test -n "$$found"; then \
			$(MAKE) --no-print-directory VENV=.venvs/$$version PYTHON=$$found setup pytest-only; \
		else echo "Python $$version is not here: not tested"; fi; done

.PHONY: pytest-only
pytest-only: studio browser
	@$(BIN)/python -m pytest -n $(WORKERS)

BENCH_TABLE := .bench-table.md
BENCH_FLEET := .bench-fleet.md

.PHONY: bench
bench: $(READY) ## Speed beside peers and the raw limits, and a fleet, all in one run: about 20 minutes
	@$(BIN)/python -m benchmarks.compare --write $(BENCH_TABLE)
	@$(BIN)/python -m benchmarks.fleet --write $(BENCH_FLEET)

.PHONY: bench-fleet
bench-fleet: $(READY) ## A fleet of 1, 2 and 4 workers, and what Restate adds to a run: about 4 minutes
	@$(BIN)/python -m benchmarks.fleet --write $(BENCH_FLEET)

.PHONY: bench-quick
bench-quick: $(READY) ## Speed beside the raw limits alone: about 2 minutes
	@$(BIN)/python -m benchmarks.compare --quick

.PHONY: bench-million
bench-million: $(READY) ## A million runs that wait, in one SQLite file
	@$(BIN)/python -m benchmarks.million --write .bench-million.md

.PHONY: bench-studio
bench-studio: studio browser ## How quick the studio is in a browser, with 10,000 runs and 500 nodes: half a minute
	@$(BIN)/python -m benchmarks.studio

.PHONY: bench-page
bench-page: $(READY) ## Put what make bench, bench-million and bench-fleet found last into docs/performance.md
	@$(BIN)/python -m benchmarks.page $(wildcard $(BENCH_TABLE) .bench-million.md $(BENCH_FLEET))

# ---------------------------------------------------------------- to read it

.PHONY: docs
docs: $(READY) ## The documentation as a site, in site/
	@$(BIN)/zensical build --clean --strict

.PHONY: docs-serve
docs-serve: $(READY) ## The same, shown at http://127.0.0.1:8001 and made anew whenever a page changes
	@$(BIN)/zensical serve

# ---------------------------------------------------------------- to keep it

.PHONY: reference-pages
reference-pages: $(READY) ## Write docs/reference/ from the docstrings, and the list of decisions
	@$(BIN)/python -m tests.docs.reference_pages

.PHONY: conformance-page
conformance-page: $(READY) ## Write docs/conformance.md from the marks of the tests
	@$(BIN)/python -m tests.conformance.page

.PHONY: transitions-page
transitions-page: $(READY) ## Write docs/transitions.md from the table of a step's transitions
	@$(BIN)/python -m tests.docs.transitions_page

.PHONY: pictures
pictures: studio browser ## Take the pictures of the studio in docs/pictures/ anew
	@WAYSTATION_PICTURES=1 $(BIN)/python -m pytest -q tests/browser/test_pictures.py

.PHONY: lock
lock: $(READY) ## Choose the newest versions of what development needs, with hashes and without addresses
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile pyproject.toml --group dev --all-extras --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet \
		--output-file requirements-dev.lock

.PHONY: lock-peers
lock-peers: $(READY) ## Choose the newest versions of the Python peers that are measured; those from npm are in package.json
	@$(BIN)/python -m pip install --quiet uv
	@$(BIN)/uv pip compile benchmarks/peers/requirements.in --universal --python-version 3.11 --upgrade \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet \
		--output-file benchmarks/peers/requirements.txt

.PHONY: clean
clean: ## Remove the environment and what was left behind
	@rm -rf .venv .venvs .demo .bench-* .cache site dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
