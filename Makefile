# make demo and make test do all their own set-up: a virtual environment in .venv with exactly what the lock pins.
# Later versions of Python lack wheels of what the lock pins.
FITS := -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'
PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python $(FITS) 2>/dev/null && echo $$python && break; done),python3)
CORES ?= $(or $(shell nproc 2>/dev/null),$(shell getconf _NPROCESSORS_ONLN))
# GPUs to train on: all of this machine's; without one, trainings at a time, one a core.
GPU ?= $(or $(filter-out 0,$(shell nvidia-smi --list-gpus 2>/dev/null | grep -c '^GPU ')),$(CORES))
# Configuration files of yours, laid over the study's.
CONFIG ?=
# The corpus of `make check-corpus`.
CORPUS ?=
# The tagger, texts and output of `make tag`; and the word2vec file of its study, where that is elsewhere now.
RUN ?=
TEXTS ?=
OUTPUT ?=
WORD_VECTORS ?=
# Broken files a reader in `make fuzz`, and what they are drawn by.
FUZZ_EXAMPLES ?= 10000
FUZZ_SEED ?= 1
# Kills in `make chaos`, and what their moments are drawn by.
CHAOS_KILLS ?= 30
CHAOS_SEED ?= 1
# The folder with the real corpora of `make real`.
CORPORA_MIRROR ?=
# The study that `make report` and `make status` look at: study, demo or real.
STUDY ?= study

# Packages of a cluster's modules are not those of the lock, and an old locale cannot print all that is to be said.
unexport PYTHONPATH PYTHONHOME
export PYTHONUTF8 := 1

BIN := .venv/bin
READY := .venv/.installed-from-lock

FOLDER_study := .
FOLDER_demo := .demo
FOLDER_real := .real
ifeq ($(FOLDER_$(STUDY)),)
$(error STUDY=$(STUDY) is no study; give study, demo or real)
endif
OVERLAYS_demo := overlays/demo.yaml
OVERLAYS_real := overlays/real.yaml

# $(call snakemake,study) is the command that runs a study in its folder, with its overlays and the user's.
snakemake = $(BIN)/snakemake --snakefile Snakefile --cores $(CORES) --resources gpu=$(GPU) $(call options,$(1))
options = --directory $(FOLDER_$(1)) $(if $(OVERLAYS_$(1))$(CONFIG),--configfile $(OVERLAYS_$(1)) $(CONFIG)) \
	$(if $(filter real,$(1)),--config corpora_root="$$(realpath '$(CORPORA_MIRROR)')")

.PHONY: help setup demo study real report status check-corpus tag test test-slurm fuzz chaos lint format lock audit clean

help:
	@echo 'make demo     the whole workflow on small made-up corpora: minutes, no GPU, no download'
	@echo 'make test     all tests'
	@echo 'make test-slurm   the demonstration and its faults through a Slurm that is started on this machine (as root)'
	@echo 'make study    the study of the paper (config.yaml); CONFIG=mine.yaml lays a file of yours over it'
	@echo 'make real CORPORA_MIRROR=folder   a scaled study on real corpora that lie in a folder'
	@echo 'make report   finishes the study and makes one page of it; STUDY=demo or STUDY=real for those'
	@echo 'make status   how far the study is, also while it runs; STUDY=demo or STUDY=real for those'
	@echo 'make check-corpus CORPUS=name CONFIG=mine.yaml   what a corpus holds and whether it can be used'
	@echo 'make tag RUN=results/runs/... TEXTS=folder OUTPUT=folder   mentions in texts, by a tagger of the study'
	@echo 'make fuzz     every reader on FUZZ_EXAMPLES=10000 broken files, drawn by FUZZ_SEED=1'
	@echo 'make chaos    kills the demonstration CHAOS_KILLS=30 times at moments drawn by CHAOS_SEED=1, and compares the results;'
	@echo '              as root cuts its power as often'
	@echo 'make lint     ruff, mypy, snakefmt, snakemake --lint;  make format  rewrites what they can'
	@echo 'make audit    known weaknesses of the pinned packages, by PyPI'
	@echo 'make clean    removes .demo and .real'

setup: $(READY)

# Snakemake gives a shell the path of Python as it is (github.com/snakemake/snakemake/issues/2645).
$(READY): requirements.lock
	@case "$$PWD" in *[[:space:]\'\"\&\;\(\)\$$]*) \
		echo "$$PWD: Snakemake needs a place whose name has no spaces, quotes and the like; move this folder" >&2; exit 2; esac
	@$(PYTHON) $(FITS) || \
		{ echo 'Python 3.11, 3.12 or 3.13 is needed: make PYTHON=place/of/python3.13, or see docs/environments.md' >&2; exit 2; }
	$(PYTHON) -m venv $(if $(wildcard $@),,--clear) .venv # what a set-up left that was killed looks whole to pip
	@rm -f $@
	$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --requirement requirements.lock
	-$(BIN)/python -m compileall -q -j 0 -x '/(tests?|testing|_inductor)/' .venv/lib # pip would take one file after another
	touch $@

demo: setup .demo/native
	$(call snakemake,demo) --quiet host rules reason progress
	@$(BIN)/python -m demo.summary .demo

.demo/native: | setup
	$(BIN)/python -m demo.generate $@

study: setup
	$(call snakemake,study)
	@echo 'Tables, figures and scores.csv are in results/; `make report` makes one page of them.'

real: setup has-mirror
	@mkdir -p .real
	$(call snakemake,real)
	@cat .real/results/tables/table2_macro_average.md

report: setup $(if $(filter real,$(STUDY)),has-mirror) $(if $(filter demo,$(STUDY)),.demo/native)
	$(call snakemake,$(STUDY)) -- results/report.html
	@echo 'Open $(FOLDER_$(STUDY))/results/report.html in a browser; it needs no network.'

status: setup
	@$(BIN)/python workflow_scripts/status.py $(call options,$(STUDY))

.PHONY: has-mirror
has-mirror:
	@test -d '$(CORPORA_MIRROR)' || { echo 'CORPORA_MIRROR="$(CORPORA_MIRROR)" is no folder; docs/results.md says what it is to hold' >&2; exit 2; }

check-corpus: setup
	@$(BIN)/python workflow_scripts/check_corpus.py '$(CORPUS)' $(if $(CONFIG),--configfile $(CONFIG))

tag: setup
	@$(BIN)/python workflow_scripts/tag_texts.py '$(RUN)' '$(TEXTS)' '$(OUTPUT)' \
		$(if $(WORD_VECTORS),--word-vectors '$(WORD_VECTORS)')

test: setup
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

test-slurm: setup
	$(BIN)/python -m pytest -m slurm tests/slurm

fuzz: setup
	FUZZ_EXAMPLES=$(FUZZ_EXAMPLES) FUZZ_SEED=$(FUZZ_SEED) $(BIN)/python -m pytest -rP tests/corpora/test_readers_mutations.py

chaos: setup
	CHAOS_STUDY=demo CHAOS_KILLS=$(CHAOS_KILLS) CHAOS_SEED=$(CHAOS_SEED) $(BIN)/python -m pytest -s tests/rules/test_chaos.py

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy workflow_scripts model demo benchmarks
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --snakefile Snakefile --lint

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile rules

# Resolves the direct requirements anew and pins everything that they bring, here and in envs/, but for CUDA's libraries,
# which torch's build for GPUs pins itself.
lock:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo 'make lock PYTHON=python3.11: the newest packages of a later Python may not be for 3.11' >&2; exit 2; }
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet --requirement requirements.in
	.venv-lock/bin/python -m pip freeze --all > .venv-lock/frozen
	{ echo '# Made by `make lock` from requirements.in; serves make, CI and envs/.'; \
		grep -Ev '^(pip|nvidia-.*|cuda-.*)==' .venv-lock/frozen | sed 's/+cpu$$//; s/^triton==.*/&; sys_platform == "linux"/'; } > .venv-lock/pinned
	mv .venv-lock/pinned requirements.lock
	.venv-lock/bin/python envs/pin.py
	rm -rf .venv-lock

# Asks PyPI for known weaknesses of what the lock pins; needs network. A version that cannot be looked up fails it too.
audit:
	$(PYTHON) -m venv --clear .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check pip-audit==2.10.1
	.venv-audit/bin/pip-audit --strict --disable-pip --no-deps --requirement requirements.lock; \
		status=$$?; rm -rf .venv-audit; exit $$status

clean:
	rm -rf .demo .real
