# The one door: `make demo` tries it, `make test` tests it, `make lint` checks it. Everything stays in this folder.

PYTHON ?= python3
PORT ?= 8000
BIN = .venv/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --no-cache-dir

.PHONY: demo test lint format lock translations bench clean

demo: .venv/run.ready
	@exec sh deploy/demo.sh $(PORT)

test: .venv/dev.ready .venv/npm.ready
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev.ready
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev.ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

translations: .venv/dev.ready
	$(BIN)/python translations/update.py

bench: .venv/dev.ready
	$(BIN)/python bench/submissions.py
	$(BIN)/python bench/evidence.py

# Needs uv. Pins every dependency, with hashes, for each Python from 3.11 on.
lock:
	for name in run dev; do uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header requirements/$$name.in -o requirements/$$name.lock; done

clean:
	rm -rf .venv demo tests/foreign/node_modules

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version)."; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { rm -rf .venv; echo "Python's venv module is missing. To install it: sudo apt-get install python3-venv"; exit 1; }

.venv/run.ready: requirements/run.lock setup.cfg | .venv/bin/pip
	@echo "Installing what the service needs into .venv (once) …"
	@$(PIP) --require-hashes -r requirements/run.lock
	@$(PIP) --no-build-isolation --no-deps -e .
	@touch $@

.venv/dev.ready: requirements/dev.lock .venv/run.ready
	@echo "Installing what the tests need into .venv (once) …"
	@$(PIP) --require-hashes -r requirements/dev.lock
	@touch $@

# The reference implementation of the age format in JavaScript, for the tests that hold ours against it.
.venv/npm.ready: tests/foreign/package-lock.json | .venv/dev.ready
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --cache .venv/npm --prefix tests/foreign && touch $@; fi
