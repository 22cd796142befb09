# make run        creates .venv, installs, starts the dashboard on http://127.0.0.1:8501
# make tensorboard  TensorBoard on all runs, on http://127.0.0.1:6006
# make test       the same plus the test tools and, where it can, a Chromium; runs everything but the slow tests
# make test-slow  the slow tests alone
# TORCH=cpu       takes PyTorch's CPU-only builds, far smaller on Linux: make run TORCH=cpu
# PYTHON=...      the Python to build .venv with (3.11 or newer); PORT=... for make run

PYTHON ?= python3
PORT ?= 8501
TENSORBOARD_PORT ?= 6006
VENV := .venv
BIN := $(VENV)/bin
CPU_INDEX := https://download.pytorch.org/whl/cpu

.PHONY: run tensorboard test test-slow lint format clean

run: $(VENV)/.installed
	@$(BIN)/python -m dashboard --port $(PORT)

tensorboard: $(VENV)/.installed
	@$(BIN)/python -m vitcore tensorboard --port $(TENSORBOARD_PORT)

test: $(VENV)/.tools lint
	@$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest -m "not slow"

test-slow: $(VENV)/.tools
	@$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest -m slow

lint: $(VENV)/.tools
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

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

.PHONY: lint-js test-js
lint-js: $(VENV)/.tools
	$(BIN)/deno lint --quiet
	$(BIN)/deno fmt --check --quiet
	$(BIN)/deno check --no-remote --quiet dashboard/components dashboard/talk tests/unit/components

test-js: $(VENV)/.tools
	$(BIN)/deno test --no-remote --quiet
