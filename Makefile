# Two commands matter: `make demo` and `make test`. Both bring what they need and say what they are doing.
# Downloads are kept between runs: uv's cache, and the broker's jars in $PURCHASING_CACHE_DIR or ~/.cache/purchasing.

SHELL := /bin/bash
PYTHON := .venv/bin/python
# The tests start Python some hundred times: with bytecode kept, each start takes a second less.
unexport PYTHONDONTWRITEBYTECODE
# Which tests, such as `make test PYTEST="tests/rules -x"`; without it all, in so many processes, each with a broker and a
# database of its own (1.2 GB of memory): most tests wait more than they work. Alone, when the others' brokers are gone:
# the guard on speed.
PYTEST ?=
WORKERS ?= 6
ALONE := tests/bench
# Of the chaos runs: which seeds, and how many events each.
SEEDS ?= 1 2 3
EVENTS ?= 100000
# With CONSOLE=1 the demo opens the console on its orders, until it is interrupted.
CONSOLE ?=
# Of what is released: who builds, and from which repository.
DIST ?=
# More arguments for the benchmark, such as `make bench BENCH="--only throughput"`.
BENCH ?=

.DEFAULT_GOAL := help
.PHONY: help demo test docs chaos audit dist versions lint format bytecode unit bench bench-rules bench-console env jars clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: env ## real orders through a real Kafka and PostgreSQL, explained as they go; CONSOLE=1 opens the console on them
	@$(PYTHON) -m service demo $(if $(filter 1,$(CONSOLE)),--console)

test: env ## format, lint, types, layers, then all tests on a real broker and database
	@$(MAKE) --no-print-directory --jobs 2 lint bytecode
	@$(MAKE) --no-print-directory unit

docs: env ## the documentation as a site in build/site; a dead link fails it
	@$(PYTHON) -m deploy.website --to build/site

chaos: env jars ## everything fails, for an hour: three seeds, alone and as a cluster, then hostile records; SEEDS="7 8" EVENTS=30000
	@for seed in $(SEEDS); do $(PYTHON) -m tests.chaos.run --seed $$seed --events $(EVENTS) || exit 1; done
	@for seed in $(SEEDS); do $(PYTHON) -m tests.chaos.run --cluster --seed $$seed --events $(EVENTS) || exit 1; done
	@$(PYTHON) -m tests.chaos.run --hostile --events 17000 --workers 2

lint: env ## format, lint, types and layers only
	@echo "== format";  .venv/bin/ruff format --check --quiet . || { echo "not formatted: run make format" >&2; exit 1; }
	@echo "== lint";    .venv/bin/ruff check --quiet .
	@echo "== types";   $(PYTHON) -m mypy
	@echo "== layers";  $(PYTHON) .venv/bin/lint-imports --no-cache > .venv/lint-imports.log || { cat .venv/lint-imports.log; exit 1; }

# Each test process would compile the tests, with the assertions rewritten, and the libraries for itself.
bytecode: env jars ## tests and libraries compiled, with the assertions rewritten; a test that can't be collected fails it
	@$(PYTHON) -m pytest --collect-only --quiet > .venv/collected.log || { cat .venv/collected.log; exit 1; }

unit: env jars ## tests only; PYTEST="..." narrows them down
ifneq ($(PYTEST),)
	@echo "== tests";          $(PYTHON) -m pytest $(PYTEST)
else
	@echo "== tests";          $(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ALONE:%=--ignore=%)
	@echo "== speed";          $(PYTHON) -m pytest $(ALONE)
endif

bench: env jars ## how fast the service is, beside others, some 15 minutes; BENCH="--small" for a quick look, "--help" for more
	@$(PYTHON) -m tests.bench --json .embedded/bench.json --svg tests/bench/picture.svg $(BENCH)

bench-rules: env ## how long the rules take for an order; BEFORE=PATH takes another checkout's rules in turn with these
	@$(PYTHON) -m tests.bench.rules $(BEFORE:%=--before %)

bench-console: env ## how long the console's pages and searches take with ORDERS=1000000 orders, and what its indexes cost a batch
	@$(PYTHON) -m tests.bench.console $(ORDERS:%=--orders %)
	@$(PYTHON) -m tests.bench.console_indexes $(ORDERS:%=--orders %)

audit: ## the locked dependencies against the known vulnerabilities; needs the internet
	@.ci/audit

versions: env ## the tests that need no server under every other Python from 3.11 to 3.14 that is here
	@.ci/versions

dist: env ## what is released, into dist/: wheels, bills of materials (CycloneDX), provenance; DIST="--builder URI --repository URL"
	@rm -rf dist && $(PYTHON) deploy/dist.py dist $(DIST)

format: env ## formats and mends what can be mended
	@.venv/bin/ruff format --quiet .
	@.venv/bin/ruff check --fix --quiet .

env: ## uv and the environment in .venv
	@echo "== environment"
	@.ci/uv sync --frozen

jars: env ## the embedded broker's jars, into the cache
	@test -n "$$PURCHASING_TEST_KAFKA" || $(PYTHON) -m service.embedded.fetch > /dev/null

clean: ## removes the environment, tools, caches, and the embedded stack's data and logs
	rm -rf .venv .tools .embedded build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist contracts/dist
	find service contracts tests -name __pycache__ -type d -prune -exec rm -rf {} +
