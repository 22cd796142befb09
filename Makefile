# make run        creates .venv, installs, starts the dashboard on http://127.0.0.1:8501
# make tensorboard  TensorBoard on all runs, on http://127.0.0.1:6006
# make check      lint, types, import contracts, unit tests; no browser, no training
# make test       the same, then the tests with processes, trainings and a browser; all but the slow ones
# make test-slow  only the slow tests
# TORCH=cpu       takes PyTorch's CPU-only builds, far smaller on Linux: make run TORCH=cpu
# PYTHON=...      the Python to build .venv with (3.11 or newer); PORT=... for make run
# WORKERS=...     test processes; each has one thread for torch

PYTHON ?= python3
PORT ?= 8501
TENSORBOARD_PORT ?= 6006
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin
CPU_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: run tensorboard check static unit test all-but-slow test-js test-slow lint types format clean

run: $(VENV)/.installed
	@$(BIN)/python -m dashboard --port $(PORT)

tensorboard: $(VENV)/.installed
	@$(BIN)/python -m vitcore tensorboard --port $(TENSORBOARD_PORT)

# A file stays in one process, so its fixtures are made once. Files start in the order of tests/conftest.py.
PYTEST := $(BIN)/python -m pytest --durations 20
TOGETHER := --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder

# the static checks run while the tests do
check: $(VENV)/.tools
	@$(MAKE) --no-print-directory --jobs 2 --output-sync static unit

static: lint types test-js

unit: $(VENV)/.tools
	$(PYTEST) $(TOGETHER) -m "not slow" tests/unit tests/house

test: $(VENV)/.tools
	@$(BIN)/python -m tests.chromium
	@$(MAKE) --no-print-directory --jobs 2 static all-but-slow

all-but-slow: $(VENV)/.tools
	$(PYTEST) $(TOGETHER) -m "not slow"

test-js: $(VENV)/.tools
	$(BIN)/deno test --no-remote --quiet

test-slow: $(VENV)/.tools
	@$(BIN)/python -m tests.chromium
	$(PYTEST) $(TOGETHER) -m "slow and not exclusive"
	$(PYTEST) -m exclusive

lint: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	PYTHONPATH=. $(BIN)/lint-imports
	$(BIN)/deno lint --quiet
	$(BIN)/deno fmt --check --quiet

types: $(VENV)/.tools
	$(BIN)/basedpyright --pythonpath $(BIN)/python
	$(BIN)/deno check --no-remote --quiet dashboard/components dashboard/standalone tests/unit/components

format: $(VENV)/.tools
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/deno fmt --quiet

clean:
	rm -rf $(VENV)

$(VENV)/.created:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "ViT Lab needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=/path/to/python3.11"; exit 2; }
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/.created
	@echo "Installing ViT Lab into $(VENV). The first time takes some minutes, most of them for PyTorch."
ifeq ($(TORCH),cpu)
	$(BIN)/python -m pip install --quiet --index-url $(CPU_INDEX) "torch>=2.9,<3" "torchvision>=0.24,<1"
endif
	$(BIN)/python -m pip install --quiet --editable .
	@touch $@

$(VENV)/.tools: requirements-dev.txt $(VENV)/.installed
	$(BIN)/python -m pip install --quiet -r requirements-dev.txt
	@touch $@
