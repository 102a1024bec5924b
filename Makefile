# Every command sets up what it needs in .venv: only Python >= 3.11 and make are presumed.
PYTHON ?= python3
BIN := .venv/bin
OUT ?= run

.PHONY: demo test bench bits trust mutants gallery notebook lint clean
.DEFAULT_GOAL := test

demo: .venv/demo        ## train on iris, print the held-out accuracy, write graph, curves, explanation and model to $(OUT)/
	$(BIN)/python -m nn train iris --hidden 8 --epochs 40 --out $(OUT)/iris

test: .venv/test        ## run every test
	$(BIN)/python -m pytest -n auto --dist worksteal

bench: .venv/bench      ## speed and memory beside micrograd, C, JAX, PyTorch, NumPy and others, as tables; QUICK=--quick for a first look
	$(BIN)/python tests/bench/everything.py $(QUICK)

bits: .venv/bench       ## 10,000 random graphs, compiled, equal to the walk bit for bit, and ten epochs of digits
	$(BIN)/python tests/bench/bits.py

trust: .venv/test       ## gradients of 10,000 random graphs beside five independent oracles, each within its bound of error
	$(BIN)/python tests/bench/trust.py

mutants: .venv/test     ## change the source in one place at a time, and see which tests and which lessons notice: about an hour
	$(BIN)/python tests/bench/lessons.py
	$(BIN)/python tests/bench/mutants.py

gallery: .venv/demo     ## pictures and pages of eight typical graphs, in $(OUT)/gallery/index.html
	$(BIN)/python -m nn.lab.gallery $(OUT)/gallery

notebook: .venv/notebook  ## open JupyterLab on the first notebook
	$(BIN)/python -m jupyter lab notebooks/00_start.ipynb

lint: .venv/lint        ## style and types
	$(BIN)/ruff check .
	$(BIN)/mypy

clean:
	rm -rf .venv $(OUT)

.venv/base:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "nodegrad needs Python >= 3.11, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.12")'
	@echo "setting up .venv: the first time takes about a minute"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	@touch $@

.venv/demo: .venv/base pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[all]"
	@touch $@

.venv/test: .venv/base pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[all]" --group tests
	@touch $@

.venv/bench: .venv/base pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[all]" --group bench
	@touch $@

.venv/notebook: .venv/base pyproject.toml
	$(BIN)/python -m pip install --quiet -e ".[all]" --group tests --group notebooks
	@touch $@

.venv/lint: .venv/test
	$(BIN)/python -m pip install --quiet --group lint
	@touch $@
