# Two commands do everything: `make suites` and `make test`. ARGS="..." is passed on to pytest.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
INSTALLED := $(VENV)/.installed

.PHONY: suites test reliability lint clean

suites: $(INSTALLED)
	$(RUN) pytest suites $(ARGS)

test: $(INSTALLED)
	$(RUN) pytest tests -n logical --dist loadfile --no-loadscope-reorder $(ARGS)

# Half an hour: kills at random moments, Ray, several devices, and how fast the store is (docs/reliability.md).
reliability: $(INSTALLED)
	$(RUN) pytest tests/reliability $(ARGS)
	$(RUN) tests.reliability.reach
	$(RUN) tests.planning.reach

lint: $(INSTALLED)
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy

$(INSTALLED): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "make: Python 3.11 to 3.13 is needed, $$($(PYTHON) --version) was found. Name one: make PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(RUN) pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(RUN) pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

clean:
	rm -rf $(VENV) reports/latest .pytest_cache .ruff_cache .mypy_cache
