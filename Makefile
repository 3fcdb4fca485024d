# Two commands do everything on a fresh machine: `make demo` and `make test`.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SPARK := .venv-spark
UV := $(BIN)/uv
INSTALLED := $(VENV)/.installed
INSTALLED_DEMO := $(VENV)/.installed-demo
INSTALLED_SPARK := $(SPARK)/.installed

# hundreds of processes are started, and where this is set each would compile all modules anew
unexport PYTHONDONTWRITEBYTECODE

# uv reads SSL_CERT_FILE and UV_SYSTEM_CERTS itself; pip, which only fetches uv, is told of the same authorities
SYSTEM_CERTS = $(shell $(PYTHON) -c 'import ssl; paths = ssl.get_default_verify_paths(); print(paths.cafile or paths.capath or "")')
CERTS = $(if $(SSL_CERT_FILE),$(SSL_CERT_FILE),$(if $(UV_SYSTEM_CERTS),$(SYSTEM_CERTS)))
PIP = $(BIN)/python -m pip --quiet --disable-pip-version-check $(if $(CERTS),--cert "$(CERTS)")

.PHONY: help setup demo test test-fast prove spark browser lint bench lock format clean

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED)  ## create .venv and install everything that is pinned in the lock

$(UV): requirements-demo.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Filon needs Python 3.11 or newer; set PYTHON=…"; exit 1; }
	@test -x $(BIN)/python || { echo "creating $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "fetching uv, which installs the rest"
	@sed -n '/^uv==/,/[^\\]$$/p' requirements-demo.lock > $(VENV)/uv.lock.txt
	@$(PIP) install --require-hashes --requirement $(VENV)/uv.lock.txt
	@touch $@

$(INSTALLED): requirements.lock pyproject.toml $(UV)
	$(UV) pip sync --python $(BIN)/python --require-hashes requirements.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(INSTALLED_DEMO) $@

$(INSTALLED_DEMO): requirements-demo.lock pyproject.toml $(UV)
	$(UV) pip install --python $(BIN)/python --require-hashes --requirement requirements-demo.lock
	@$(UV) pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(INSTALLED_DEMO)  ## generate sample CSV, run the pipeline, serve API and dashboard; ARGS="--no-serve --purchases 100000"
	$(BIN)/filon demo $(ARGS)

test: setup browser spark  ## run every test
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder $(ARGS)

test-fast: setup  ## run the tests that need no server and no browser, in less than a minute
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadscope tests/unit $(ARGS)

prove: setup  ## let 10,000 histories of a small project prove that incremental equals full; ARGS="--histories 500 --seed 7"
	$(BIN)/python -m tests.integration.histories.prove $(ARGS)

spark: $(INSTALLED_SPARK)  ## install the full package of Spark, with which tests start a server; FILON_TEST_SKIP=spark does without

$(INSTALLED_SPARK): requirements-spark.lock $(UV)
	@case ",$(FILON_TEST_SKIP)," in *,spark,*) exit 0;; esac; \
	$(PYTHON) -m venv $(SPARK) && \
	$(UV) pip sync --python $(SPARK)/bin/python --require-hashes requirements-spark.lock && touch $@

browser:
	@for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name >/dev/null && exit 0; done; \
	if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then echo "installing Chromium, a browser for the tests"; apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	else echo "The tests need a browser: install chromium or Google Chrome."; exit 1; fi

lint: setup  ## format, lint, types, architecture
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: setup  ## format the code
	$(BIN)/ruff check --fix --quiet . || true
	$(BIN)/ruff format .

bench: setup spark  ## measure starts, the pipeline, the stores, the API, analyses, what changes cost, and Spark; ARGS="--purchases 1000000"
	$(BIN)/python -m benchmarks.starts
	$(BIN)/python -m benchmarks.bench $(ARGS)
	$(BIN)/python -m benchmarks.serving
	$(BIN)/python -m benchmarks.api
	$(BIN)/python -m benchmarks.analysis
	$(BIN)/python -m benchmarks.incremental
	$(BIN)/python -m benchmarks.daily
	$(BIN)/python -m benchmarks.weekly
	$(BIN)/python -m benchmarks.scaling

COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-annotate --no-emit-index-url \
	--no-emit-find-links --python-version 3.11

lock: setup  ## resolve the dependencies anew: requirements.lock, and its part that `make demo` needs; Spark's for tests
	$(COMPILE) --all-extras --group dev --output-file requirements.lock pyproject.toml
	$(COMPILE) --group install --constraint requirements.lock --output-file requirements-demo.lock pyproject.toml
	$(COMPILE) --group spark-server --constraint requirements.lock --output-file requirements-spark.lock pyproject.toml

clean:  ## remove the environment and the demo's data
	rm -rf $(VENV) $(SPARK) .filon
