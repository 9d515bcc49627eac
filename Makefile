# perfctl: every target works from a bare checkout; `make` lists them.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The site's own index options hold; nothing is read from the current folder.
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := $(shell find perfctl django_hook examples -name '*.py' 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help demo test test-django42 lint format bench docs clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(PIP) --editable '.[all]'
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(VENV)/.installed
	$(PIP) --editable '.[dev]'
	@touch $@

# Byte code is made at once: without it each command compiles perfctl anew (PYTHONDONTWRITEBYTECODE).
$(VENV)/.compiled: $(SOURCES) $(VENV)/.installed
	@$(BIN)/python -m compileall -q perfctl django_hook $(VENV)/lib/python3*/site-packages/typer \
		$(VENV)/lib/python3*/site-packages/rich >/dev/null || true
	@touch $@

demo: $(VENV)/.compiled ## Install into .venv and watch the example site through perfctl
	@$(BIN)/perfctl demo

test: $(VENV)/.installed-dev $(VENV)/.compiled ## Install what the tests need and run them all
	@sh tests/prepare.sh
	$(BIN)/python -m pytest
	@$(MAKE) --no-print-directory test-django42

test-django42: $(VENV)/.installed-dev ## The hook's tests under Django 4.2
	@test -x $(VENV)/django42/bin/python || $(PYTHON) -m venv $(VENV)/django42
	@$(VENV)/django42/bin/python -m pip install --quiet --disable-pip-version-check \
		--editable '.' 'django>=4.2,<4.3' pytest hypothesis gunicorn uvicorn
	$(VENV)/django42/bin/python -m pytest tests/django_hook tests/hook_behaviour tests/examples

lint: $(VENV)/.installed-dev ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.installed-dev ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(VENV)/.installed-bench: pyproject.toml $(VENV)/.installed-dev
	$(PIP) --editable '.[dev,bench]'
	@touch $@

bench: $(VENV)/.installed-bench $(VENV)/.compiled ## Measure against peers; prints ratios
	$(BIN)/python -m benchmarks

docs: $(VENV)/.installed-dev ## Make the generated pages anew
	$(BIN)/python -m tests.docs.generate

clean: ## Remove what was installed and built
	rm -rf $(VENV) dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
