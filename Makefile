# The two commands of the README are `make demo` and `make test`; the rest is for people who change xc.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ROOMS := cli evaluate harvest store_schema train zoo
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: demo test thorough lint format typing clean

demo: $(VENV)/installed
	$(BIN)/xc demo

test: $(VENV)/installed-test lint
	$(BIN)/pytest -m "not thorough"

# Further populations of simulated data, larger stores, planted worlds trained anew: minutes each.
thorough: $(VENV)/installed-test
	$(BIN)/pytest -m thorough

lint: $(VENV)/installed-test typing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/installed-test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# mypy does not follow setuptools' editable finder: links make `xc.<room>` visible to it.
typing:
	@mkdir -p .typing/xc
	@for room in $(ROOMS); do ln -sfn ../../$$room .typing/xc/$$room; done

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("xc needs Python 3.11 or newer; set PYTHON=python3.11" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -c constraints.txt -e ".[fast]"
	@touch $@

$(VENV)/installed-test: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) -c constraints.txt -e ".[fast,test]"
	@touch $@ $(VENV)/installed

clean:
	rm -rf $(VENV) .typing build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
