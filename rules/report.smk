"""The page: the study's tables, figures, curves, marked texts and provenance in one HTML file."""

import os
import shlex

PAGE_FOLDER = ROOT / "workflow_scripts/analysis/page"
# The runs whose predictions the page's documents show: one seed, the whole of what a corpus has for training.
SHOWN_RUN = f"share{max(config['study']['shares'])}/seed{min(config['study']['seeds'])}"
SHOWN_REGIMES = [regime for regime in ("baseline", "transfer") if regime in config["study"]["regimes"]]
SOURCES = sorted(
    {
        f"results/source/{entity}/{seed}"
        for _, _, entity, _, regime, _, seed in (run.split("/") for run in RUNS)
        if regime != "baseline"
    }
)

OVERLAYS = shlex.join(os.path.relpath(file, ROOT) for file in workflow.overwrite_configfiles)
PAGE_COMMAND = (
    f"snakemake --cores 8 --resources gpu=1 --directory {shlex.quote(os.path.relpath(os.curdir, ROOT))}"
    + (f" --configfile {OVERLAYS}" if OVERLAYS else "")
    + " -- results/report.html"
)


rule write_page:
    """One page of everything that the study made, to be read without a network."""
    input:
        scores="results/scores.csv",
        tables=lambda w: [file for file in rules.all.input if file.startswith("results/tables/")],
        figures=lambda w: [file for file in rules.all.input if file.startswith("results/figures/")],
        histories=[f"{run}/{file}" for run in [*RUNS, *SOURCES] for file in ("metrics.json", "history.tsv")],
        predictions=[
            f"results/runs/{entity}/{corpus}/{regime}/{SHOWN_RUN}/predictions.tsv"
            for entity, corpus in DATA_SETS
            for regime in SHOWN_REGIMES
        ],
        texts=[f"results/brat/{entity}/{corpus}" for entity, corpus in DATA_SETS],
        captions=sorted((ROOT / "rules/captions").glob("*.rst")),
        look=[PAGE_FOLDER / name for name in ("template.html", "style.css", "page.js")],
        lock=ROOT / "requirements.lock",
    output:
        page="results/report.html",
    log:
        "logs/write_page.log",
    benchmark:
        "results/benchmarks/write_page.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(60),
    params:
        data_sets=DATA_SETS if SHOWN_REGIMES else [],
        regimes=SHOWN_REGIMES,
        shown_run=SHOWN_RUN,
        runs=RUNS,
        sources=SOURCES,
        config=configured.reported_settings(config),
        command=PAGE_COMMAND,
        code=code("write_page"),
    script:
        "../workflow_scripts/write_page.py"
