"""The figures of the paper, each from its own runs: vector (SVG, PDF) and PNG."""


rule figure1_architecture:
    """Figure 1: the architecture, drawn from the configured sizes."""
    output:
        figure("figure1_architecture"),
    log:
        "logs/figure1_architecture.log",
    benchmark:
        "results/benchmarks/figure1_architecture.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        tagger={size: units for size, units in TAGGER.items() if size != "decoding"},
        token_dimension=config["word_vectors"]["dimension"],
        code=code("figure1_architecture"),
    script:
        "../workflow_scripts/figure1_architecture.py"


rule figure2_learning_curves:
    """Figure 2: F1 against the share of a corpus used for training, baseline and transfer."""
    input:
        metrics=[f"{run}/metrics.json" for run in configured.figure_runs(config, "learning_curves")],
    output:
        figure("figure2_learning_curves"),
    log:
        "logs/figure2_learning_curves.log",
    benchmark:
        "results/benchmarks/figure2_learning_curves.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        titles=titles_of(CURVES),
        left_out=configured.figure_left_out(config, "learning_curves"),
        code=code("figure2_learning_curves"),
    script:
        "../workflow_scripts/figure2_learning_curves.py"


rule figure3_gain_by_size:
    """Figure 3: transfer's gain in F1 by the number of annotations, box plots."""
    input:
        significance="results/tables/significance.csv",
        statistics=[f"results/conll/{entity}/{corpus}/statistics.json" for entity, corpus in DATA_SETS],
    output:
        figure("figure3_gain_by_size"),
    log:
        "logs/figure3_gain_by_size.log",
    benchmark:
        "results/benchmarks/figure3_gain_by_size.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        bins=config["figures"]["gain_by_size"]["bins"],
        code=code("figure3_gain_by_size"),
    script:
        "../workflow_scripts/figure3_gain_by_size.py"


rule figure4_error_overlap:
    """Figure 4: overlap of right and wrong decisions of baseline and transfer, Venn diagrams by class."""
    input:
        predictions=[f"{run}/predictions.tsv" for run in TABLE_RUNS],
        vectors=VECTORS_ORIGIN,
    output:
        figure=figure("figure4_error_overlap"),
        table=table("error_overlap"),
    log:
        "logs/figure4_error_overlap.log",
    benchmark:
        "results/benchmarks/figure4_error_overlap.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(60),
    params:
        titles=titles_of(DATA_SETS),
        code=code("figure4_error_overlap"),
    script:
        "../workflow_scripts/figure4_error_overlap.py"


rule figure_s1_layers:
    """Figure S1: F1 against the layers that are transferred, one line a training share."""
    input:
        metrics=[f"{run}/metrics.json" for run in configured.figure_runs(config, "layers")],
    output:
        figure("figure_s1_layers"),
    log:
        "logs/figure_s1_layers.log",
    benchmark:
        "results/benchmarks/figure_s1_layers.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(10),
    params:
        titles=titles_of(LAYERS),
        left_out=configured.figure_left_out(config, "layers"),
        code=code("figure_s1_layers"),
    script:
        "../workflow_scripts/figure_s1_layers.py"
