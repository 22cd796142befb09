# make run        creates .venv, installs, starts the dashboard on http://127.0.0.1:8501
# make tensorboard  TensorBoard on all runs, on http://127.0.0.1:6006
# make check      format, lint, types and the unit tests: under two minutes, without a browser or a training
# make test       all of that, the tests with processes and the browser tests; finds or downloads a Chromium
# make test-slow  the slow tests alone, one after the other
# TORCH=cpu       takes PyTorch's CPU-only builds, far smaller on Linux: make run TORCH=cpu
# PYTHON=...      the Python to build .venv with (3.11 or newer); PORT=... for make run

PYTHON ?= python3
PORT ?= 8501
TENSORBOARD_PORT ?= 6006
VENV := .venv
BIN := $(VENV)/bin
CPU_INDEX := https://download.pytorch.org/whl/cpu

# two processes, each with whole files: what a file's tests share is made once, and torch has one thread in each
PYTEST := $(BIN)/python -m pytest --durations=20
TOGETHER := -n 2 --dist loadfile

.PHONY: run tensorboard check test test-slow lint types format clean

run: $(VENV)/.installed
	@$(BIN)/python -m dashboard --port $(PORT)

tensorboard: $(VENV)/.installed
	@$(BIN)/python -m vitcore tensorboard --port $(TENSORBOARD_PORT)

check: lint types
	$(PYTEST) $(TOGETHER) -m "not slow" tests/unit tests/house

test: lint types
	@$(BIN)/python -m tests.chromium
	$(PYTEST) $(TOGETHER) -m "not slow" tests/unit tests/house tests/process tests/browser

test-slow: $(VENV)/.tools
	@$(BIN)/python -m tests.chromium
	$(PYTEST) -m slow

lint: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.tools
	$(BIN)/basedpyright

format: $(VENV)/.tools
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

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
