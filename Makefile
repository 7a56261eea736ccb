# The commands of CONTRACT: run, test, bench, bench-quick, lint. Needs Python >= 3.11 with venv, and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SANDBOX ?= 1
WEBHOOK_ALLOW_PRIVATE ?= $(SANDBOX)
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: run test test-quick lint audit bench bench-quick soak lock clean screenshots client

run: $(VENV)/.base
	@SANDBOX=$(SANDBOX) WEBHOOK_ALLOW_PRIVATE=$(WEBHOOK_ALLOW_PRIVATE) exec $(BIN)/python manage.py serve

# Files of the last two share a running product, whose story goes on from test to test: in their order.
test: $(VENV)/.dev
	$(BIN)/python -m pytest tests/unit tests/integration tests/isolation clients/python/tests/unit -n 2
	$(BIN)/python -m tests.with_postgres tests/integration tests/isolation/test_wall.py -n 2
	$(BIN)/python -m pytest tests/system clients/python/tests/system -n 2 --dist loadfile -p no:randomly
	$(BIN)/python -m pytest tests/browser -n 2 --dist loadfile -p no:randomly

test-quick: $(VENV)/.dev
	$(BIN)/python -m pytest tests/unit tests/integration tests/isolation clients/python/tests/unit -n 2

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/djlint --check --lint templates --quiet
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null

# Known vulnerabilities in the locks. AUDIT_REQUIRED=1: fail also where advisories cannot be read.
audit: $(VENV)/.dev
	$(BIN)/python -m tests.dependency_audit

bench: $(VENV)/.dev
	$(BIN)/python -m bench

bench-quick: $(VENV)/.dev
	$(BIN)/python -m bench --quick

soak: $(VENV)/.dev
	$(BIN)/python -m bench.soak

# Every page as docs/screenshots/, from a product with the sandbox and data of a small firm.
screenshots: $(VENV)/.dev
	$(BIN)/python -m tests.screenshots

# What the Python client is made of, from the schema as it is now. A test compares.
client: $(VENV)/.dev
	mkdir -p var
	$(BIN)/python manage.py spectacular --format openapi-json --file var/schema.json
	$(BIN)/python clients/python/generate.py var/schema.json

# Resolve the locks anew. No file may name where packages come from.
lock:
	$(PYTHON) -m venv $(VENV)-lock && $(VENV)-lock/bin/pip install --quiet uv
	for set in base dev; do $(VENV)-lock/bin/uv pip compile --quiet --generate-hashes \
	  --no-emit-index-url --no-header --universal --python-version 3.11 \
	  requirements/$$set.in -o requirements/$$set.txt || exit 1; done
	rm -rf $(VENV)-lock

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "switchboard: Python 3.11 or newer is needed (PYTHON=python3.12 make run)"; exit 2; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.base: requirements/base.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes -r requirements/base.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt | $(BIN)/python
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@ $(VENV)/.base
