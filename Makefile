# make demo and make test do all their own set-up: a virtual environment in .venv with exactly what the lock pins.
PYTHON ?= python3
VENV := .venv
BIN := $(abspath $(VENV))/bin
READY := $(VENV)/.installed-from-lock
CORES ?= $(shell nproc)
SNAKEMAKE := $(BIN)/snakemake --snakefile Snakefile --cores $(CORES)
# Trainings at a time: one on a GPU; without one, a core each.
GPU ?= $(shell command -v nvidia-smi >/dev/null 2>&1 && echo 1 || echo $(CORES))
CORPORA_MIRROR ?=

.PHONY: help setup demo test lint format study real report lock clean

help:
	@echo 'make demo     the whole workflow on small made-up corpora: minutes, no GPU, no download'
	@echo 'make test     all tests'
	@echo 'make study    the study as the paper ran it (config.yaml)'
	@echo 'make report   results/report.html of the last study'
	@echo 'make real CORPORA_MIRROR=folder   a scaled study on real corpora that lie in a folder'
	@echo 'make lint     ruff, mypy, snakefmt, snakemake --lint;  make format  rewrites what they can'

setup: $(READY)

$(READY): requirements.lock
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11) and "Python 3.11 is needed: make PYTHON=python3.11 …")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	touch $@

demo: setup
	test -d .demo/native || $(BIN)/python -m demo.generate .demo/native
	$(SNAKEMAKE) --directory .demo --configfile overlays/demo.yaml --resources gpu=$(GPU) --quiet rules host
	$(BIN)/python -m demo.summary .demo

test: setup
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy workflow_scripts model demo
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --snakefile Snakefile --lint

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

study: setup
	$(SNAKEMAKE) --resources gpu=$(GPU)

real: setup
	@test -d '$(CORPORA_MIRROR)' || { echo 'make real CORPORA_MIRROR=folder: "$(CORPORA_MIRROR)" is not a folder; docs/results.md says what it holds' >&2; exit 2; }
	mkdir -p .real
	$(SNAKEMAKE) --directory .real --configfile overlays/real.yaml --config corpora_root='$(abspath $(CORPORA_MIRROR))' --resources gpu=$(GPU)
	cat .real/results/tables/table2_macro_average.md

report: setup
	$(SNAKEMAKE) --report results/report.html

# Resolves the direct requirements anew and pins everything that they bring.
lock:
	$(PYTHON) -m venv .venv-lock
	.venv-lock/bin/python -m pip install --quiet --requirement requirements.in
	{ echo '# Made by `make lock` from requirements.in; serves make, CI and envs/.'; .venv-lock/bin/python -m pip freeze | sed 's/+cpu$$//'; } > requirements.lock
	rm -rf .venv-lock

clean:
	rm -rf .demo .real
