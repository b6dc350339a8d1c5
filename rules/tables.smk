"""Scores of all runs in one file; the tables of the paper, the statistics and the error analysis made from runs."""

# Written beside the vectors where selecting them says what they are, the same for all; named under every table.
VECTORS_ORIGIN = "results/vectors/{}/{}/vectors.json".format(*min(DATA_SETS))

CURVES, LAYERS = (configured.figure_data_sets(config, figure) for figure in ("learning_curves", "layers"))
ERRORS = {"subcategory": "Errors by data set", "labels": {"class": "{entity}", "corpus": "{corpus}"}}


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
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        code=code("collect_scores"),
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
        tex="results/tables/table1_corpora.tex",
    log:
        "logs/table1_corpora.log",
    benchmark:
        "results/benchmarks/table1_corpora.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        titles=titles_of(DATA_SETS),
        left_out={corpus: config["corpora"][corpus].get("title", corpus) for corpus in config["study"]["skip"]},
        code=code("table1_corpora"),
    script:
        "../workflow_scripts/table1_corpora.py"


rule table2_macro_average:
    """Table 2: precision, recall and F1 of both regimes, averaged over the corpora of each class."""
    input:
        metrics=[f"{run}/metrics.json" for run in TABLE_RUNS],
        vectors=VECTORS_ORIGIN,
    output:
        table("table2_macro_average"),
    log:
        "logs/table2_macro_average.log",
    benchmark:
        "results/benchmarks/table2_macro_average.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        titles=titles_of(DATA_SETS),
        code=code("table2_macro_average"),
    script:
        "../workflow_scripts/table2_macro_average.py"


rule error_reduction:
    """The average reduction in F1 error (section 2.7), a corpus, a class and over all."""
    input:
        metrics=[f"{run}/metrics.json" for run in TABLE_RUNS],
        vectors=VECTORS_ORIGIN,
    output:
        table("error_reduction"),
    log:
        "logs/error_reduction.log",
    benchmark:
        "results/benchmarks/error_reduction.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        titles=titles_of(DATA_SETS),
        code=code("error_reduction"),
    script:
        "../workflow_scripts/error_reduction.py"


rule significance:
    """Baseline against transfer: tests and intervals of every data set, corrected for their number, and over all."""
    input:
        predictions=[f"{run}/predictions.tsv" for run in TABLE_RUNS],
        vectors=VECTORS_ORIGIN,
    output:
        data_sets=table("significance"),
        over_all=table("significance_over_all"),
    log:
        "logs/significance.log",
    benchmark:
        "results/benchmarks/significance.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(4 * 60),
    params:
        titles=titles_of(DATA_SETS),
        code=code("significance"),
    script:
        "../workflow_scripts/significance.py"


rule appendix_a_scores:
    """Appendix A: precision, recall and F1 of both regimes on every data set, with p-values."""
    input:
        metrics=[f"{run}/metrics.json" for run in TABLE_RUNS],
        vectors=VECTORS_ORIGIN,
        significance="results/tables/significance.csv",
    output:
        table("appendix_a_scores"),
    log:
        "logs/appendix_a_scores.log",
    benchmark:
        "results/benchmarks/appendix_a_scores.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        titles=titles_of(DATA_SETS),
        code=code("appendix_a_scores"),
    script:
        "../workflow_scripts/appendix_a_scores.py"


rule label_savings:
    """Which share without transfer equals the smallest share with it (section 3.2)."""
    input:
        metrics=[f"{run}/metrics.json" for run in configured.figure_runs(config, "learning_curves")],
        vectors=VECTORS_ORIGIN,
    output:
        table("label_savings"),
    log:
        "logs/label_savings.log",
    benchmark:
        "results/benchmarks/label_savings.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        titles=titles_of(CURVES),
        left_out=configured.figure_left_out(config, "learning_curves"),
        code=code("label_savings"),
    script:
        "../workflow_scripts/label_savings.py"


rule error_analysis:
    """Kinds of errors of both regimes on a data set, strings gained and lost, seen and unseen mentions."""
    input:
        predictions=lambda w: [
            f"{run}/predictions.tsv" for run in TABLE_RUNS if run.startswith(f"results/runs/{w.entity}/{w.corpus}/")
        ],
        train="results/conll/{entity}/{corpus}/train.tsv",
        brat="results/brat/{entity}/{corpus}",
        vectors=rules.select_word_vectors.output.description,
    output:
        kinds=table("error_kinds/{entity}/{corpus}", "error_kinds", **ERRORS),
        strings=table("strings_gained_and_lost/{entity}/{corpus}", "strings_gained_and_lost", **ERRORS),
        seen=table("seen_and_unseen/{entity}/{corpus}", "seen_and_unseen", **ERRORS),
    log:
        "logs/error_analysis/{entity}/{corpus}.log",
    benchmark:
        "results/benchmarks/error_analysis/{entity}/{corpus}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(60),
    params:
        code=code("error_analysis"),
    script:
        "../workflow_scripts/error_analysis.py"
