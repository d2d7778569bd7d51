# Everything needs only Python ≥ 3.11, make and git; `make test-kafka` also needs Java ≥ 17, Maven and Go, `make test-outage` Java and Maven.
.DEFAULT_GOAL := help
PYTHON ?= python3
UV_VERSION := 0.13.9
BIN := .venv/bin
MEMBERS := shared services/registry services/approval services/enforcement services/access-control services/query services/coordination clients deploy/local
BROKER ?= tansu
ARGS ?=
SIZE ?= full
COV ?=
FLOOR := 90
export BROKER
# Kept even where the environment says not to: tests, demo and stack start dozens of processes of the same code.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help setup run demo test test-kafka test-outage conformance coverage bench check generate service lock clean
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## Install what is needed into .venv, every wheel checked against its pinned hash

.venv/ready: requirements.lock pyproject.toml $(MEMBERS:%=%/pyproject.toml)
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Concord needs Python 3.11 or newer")'
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=.venv $(BIN)/uv pip install --quiet --no-deps $(MEMBERS:%=-e ./%)
	@touch $@

run: setup ## Start the whole stack on 127.0.0.1 (BROKER=kafka for Apache Kafka); Ctrl-C ends it
	@$(BIN)/python -m local_stack run $(ARGS)

demo: setup ## Watch the main job: import, decision, cut-off, receipt, appeal, restore (ARGS="--file LIST --json")
	@$(BIN)/concord demo $(ARGS)

test: setup ## Unit, integration, contract, journey and fault tests on the embedded stack
	@$(BIN)/python -m pytest -q -n 4 --dist worksteal $(COV) \
		tests/unit tests/contracts tests/integration tests/attacks tests/journeys tests/faults

coverage: ## The same tests, slower, with the branches they take counted: at least FLOOR per cent
	@$(MAKE) test COV="--cov --cov-report=term:skip-covered --cov-fail-under=$(FLOOR)"

conformance: setup ## Ask every service of a local stack whatever its OpenAPI document allows (schemathesis, a minute)
	@$(BIN)/python -m pytest -q tests/conformance

test-kafka: setup ## Journeys, broker faults, readers, access lists on Apache Kafka; verifiers; Keycloak (Java ≥ 17, Maven, Go)
	@BROKER=kafka $(BIN)/python -m pytest -q tests/journeys tests/faults/test_broker.py tests/integration/query/test_ingest.py \
		tests/integration/runtime/test_consumer_hostile.py tests/kafka tests/keycloak

test-outage: setup ## Everything killed time and again, Apache Kafka away for OUTAGE_S=600 seconds, then all sides compared (Java, Maven)
	@BROKER=kafka $(BIN)/python -m pytest -q -o timeout=0 tests/outage

bench: setup ## Measure against a floor taken in the same run (SIZE=small is quick); writes build/bench.json
	@$(BIN)/python -m tests.bench --size $(SIZE) $(ARGS)

check: setup ## Lint (Python, SQL), types, import directions, generated files, pins, docs
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/squawk --reporter gcc services/*/migrations/*.sql shared/src/shared/runtime/db/schema/*.sql
	@$(BIN)/lint-imports --config pyproject.toml
	@$(BIN)/python -m shared.contracts.generate --check
	@$(BIN)/python -m local_stack.reference --check
	@$(BIN)/python deploy/pins.py check
	@$(BIN)/python -m pytest -q tests/architecture tests/docs

generate: setup ## Write the generated files anew: schemas of facts and databases, events page, AsyncAPI, reference, compose file
	@$(BIN)/python -m shared.contracts.generate
	@$(BIN)/python -m local_stack.reference
	@$(BIN)/python -m local_stack.compose
	@$(BIN)/python deploy/schema.py

service: setup ## Write a new department and every list it must be in (NAME=licence-plates SUMMARY="what it is for")
	@$(BIN)/python deploy/new_service.py "$(NAME)" "$(SUMMARY)"

lock: ## Resolve dependencies anew and pin them
	@$(BIN)/python deploy/pins.py update

clean: ## Remove what was built and the data of the local stack
	@if [ -x $(BIN)/python ]; then $(BIN)/python -m local_stack reset --yes 2>/dev/null || true; fi
	rm -rf .venv .concord build uv.lock .mypy_cache .ruff_cache .pytest_cache .hypothesis deploy/kafka/jars
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
