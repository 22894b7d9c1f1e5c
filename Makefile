# `make` lists what there is. Everything runs in .venv, which is made on the way.
.DEFAULT_GOAL := help
.PHONY: help setup lock demo demo-reset serve fmt lint types arch test-fast test test-exhaustive test-faults migrations-check messages docs audit check
# One after the other, save where `checks` says TOGETHER.
ifndef TOGETHER
.NOTPARALLEL:
endif

VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements-dev.txt
# A copy of the lock file that the environment was made from: compared by content, since git sets times as it likes.
INSTALLED := $(VENV)/installed-requirements.txt
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# The first Python that is new enough and can make an environment.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
# Tools that only load the code: no server is asked.
OFFLINE := DJANGO_SETTINGS_MODULE=config.settings.test
TEMPLATES := $(wildcard */templates)

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

setup: ## Make .venv with everything that trying and testing need
	@if ! cmp -s $(LOCK) $(INSTALLED); then $(MAKE) --no-print-directory install; fi

.PHONY: install
install:
	@if [ -z "$(PYTHON)" ]; then \
		echo "Python 3.11 or newer with its venv module is needed (Debian: apt install python3 python3-venv)." >&2; exit 1; fi
	@if ! $(BIN)/python -c 'import pip' 2>/dev/null; then rm -rf $(VENV) && $(PYTHON) -m venv $(VENV); fi
	$(PIP) -r requirements-setup.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --require-hashes -r $(LOCK) || { \
		echo "uv could not get the packages; pip, which goes by your pip.conf, goes on." >&2; $(PIP) -r $(LOCK); }
	@cp $(LOCK) $(INSTALLED)

lock: setup ## Resolve requirements*.in anew into the files with hashes
	$(BIN)/uv pip compile --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 requirements.in -o requirements.txt
	$(BIN)/uv pip compile --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 requirements-dev.in -o $(LOCK)
	$(BIN)/uv pip compile --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 requirements-setup.in -o requirements-setup.txt
	$(BIN)/uv pip compile --upgrade --generate-hashes --no-emit-index-url --python-version 3.11 requirements-audit.in -o requirements-audit.txt

# `exec`: a runner must be make's own child, with no shell between, to see that make was told to stop (stopping.py).
demo: setup ## Run everything on this machine, to be tried in a browser; Ctrl-C stops it
	@exec $(BIN)/python -m devservers demo

demo-reset: setup ## Forget the demonstration's data
	@exec $(BIN)/python -m devservers demo-reset

serve: setup ## Run only PostgreSQL and Valkey, and print the environment to use them by
	@exec $(BIN)/python -m devservers serve

fmt: setup ## Put the code into its form
	$(BIN)/ruff check --fix --exit-zero --quiet .
	$(BIN)/ruff format --quiet .

lint: setup ## Style, spelling, templates
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djlint --quiet --lint $(TEMPLATES)
	$(BIN)/codespell

types: setup ## mypy --strict
	$(BIN)/mypy

arch: setup ## The import contract
	$(BIN)/lint-imports

test-fast: setup ## The suite without browser, faults and servers of its own, in under a minute
	@exec $(BIN)/python -m devservers test --workers=2 -m "not e2e and not faults and not exhaustive and not slow"

test: setup ## The whole suite
	@exec $(BIN)/python -m devservers test --workers=2 -m "not faults and not exhaustive"

test-exhaustive: setup ## Every case of what `make test` proves by one case of each kind
	@exec $(BIN)/python -m devservers test --workers=2 -m exhaustive

test-faults: setup ## Kill processes, stop servers, cut connections
	@exec $(BIN)/python -m devservers test -m faults

migrations-check: setup ## Is a migration missing?
	@exec $(BIN)/python -m devservers run -- $(BIN)/python manage.py makemigrations --check --dry-run

messages: setup ## Collect and compile the translations (needs gettext)
	$(OFFLINE) $(BIN)/python manage.py makemessages --locale en --no-obsolete --add-location file --ignore '$(VENV)/*' --ignore 'tests/*'
	$(OFFLINE) $(BIN)/python manage.py compilemessages --locale en --locale ja --ignore '$(VENV)/*'

docs: setup ## Make the reference pages of docs/ from the code
	$(OFFLINE) $(BIN)/python manage.py write_docs

audit: setup ## Ask PyPI for known vulnerabilities of what production installs; says so where it cannot be reached
	@exec $(BIN)/python -m devservers audit

# Two at a time, since the type checker takes as long as the others do together; each speaks when it ends, and all are run
# whichever fails.
.PHONY: checks
checks: setup
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target --keep-going TOGETHER=1 types lint arch migrations-check audit

check: checks test ## What must hold before a change is handed over
