"""Scores of all runs in one file, and the tables of the paper made from it."""

ANALYSIS_CODE = code("workflow_scripts/analysis")


rule collect_scores:
    """One row a run: what it was, and its exact-match scores on the test set."""
    input:
        metrics=[f"{run}/metrics.json" for run in RUNS],
    output:
        scores="results/scores.csv",
    log:
        "logs/collect_scores.log",
    benchmark:
        "results/benchmarks/collect_scores.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    params:
        code=ANALYSIS_CODE,
    script:
        "../workflow_scripts/collect_scores.py"


rule table1_corpora:
    """Table 1: what the gold-standard corpora hold, beside the paper's counts."""
    input:
        counts=[f"results/counts/{entity}/{corpus}.json" for entity, corpus in DATA_SETS],
    output:
        csv=report(
            "results/tables/table1_corpora.csv",
            caption="captions/table1_corpora.rst",
            category="Tables",
        ),
        md="results/tables/table1_corpora.md",
    log:
        "logs/table1_corpora.log",
    benchmark:
        "results/benchmarks/table1_corpora.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    params:
        titles={corpus: settings.get("title", corpus) for corpus, settings in config["corpora"].items()},
        left_out={corpus: config["corpora"][corpus].get("title", corpus) for corpus in config["study"]["skip"]},
        code=ANALYSIS_CODE,
    script:
        "../workflow_scripts/table1_corpora.py"


rule table2_macro_average:
    """Table 2: precision, recall and F1 of both regimes, averaged over the corpora of each class."""
    input:
        scores="results/scores.csv",
    output:
        csv=report(
            "results/tables/table2_macro_average.csv",
            caption="captions/table2_macro_average.rst",
            category="Tables",
        ),
        md="results/tables/table2_macro_average.md",
    log:
        "logs/table2_macro_average.log",
    benchmark:
        "results/benchmarks/table2_macro_average.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    params:
        code=ANALYSIS_CODE,
    script:
        "../workflow_scripts/table2_macro_average.py"


rule error_reduction:
    """The average reduction in F1 error (section 2.7), a corpus, a class and over all."""
    input:
        scores="results/scores.csv",
    output:
        csv=report(
            "results/tables/error_reduction.csv",
            caption="captions/error_reduction.rst",
            category="Tables",
        ),
        md="results/tables/error_reduction.md",
    log:
        "logs/error_reduction.log",
    benchmark:
        "results/benchmarks/error_reduction.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime="10m",
    params:
        titles={corpus: config["corpora"][corpus].get("title", corpus) for _, corpus in DATA_SETS},
        code=ANALYSIS_CODE,
    script:
        "../workflow_scripts/error_reduction.py"
