"""Native files, fetched or taken from a local path, and their conversion to Brat standoff (section 2.6)."""


rule fetch:
    """Download a source, or copy it from the user's path, untouched."""
    input:
        # Not by their times, which may be older after a change and newer without one: `contents` decides.
        local=lambda w: ancient(configured.source_files(config, source_of(w.name).get("path"))),
    output:
        native=directory("resources/native/{name}"),
    log:
        "logs/fetch/{name}.log",
    benchmark:
        "results/benchmarks/fetch/{name}.tsv"
    wildcard_constraints:
        name="[A-Za-z0-9_]+",
    localrule: True  # a cluster's nodes often reach no network; where Snakemake was started does
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1000),
        runtime=doubling(6 * 60),
    params:
        path=lambda w: (
            str(configured.local_path(config, source_of(w.name)["path"])) if source_of(w.name).get("path") else None
        ),
        files=lambda w: sources.files_of(source_of(w.name)),
        contents=lambda w: contents(source_of(w.name).get("path")),
    script:
        "../workflow_scripts/fetch.py"


rule convert_corpus:
    """One class of a gold-standard corpus as Brat standoff, and a table of its documents."""
    input:
        native="resources/native/{corpus}",
    output:
        brat=directory("results/brat/{entity}/{corpus}"),
        table="results/brat/{entity}/{corpus}.tsv",
    log:
        "logs/convert_corpus/{entity}/{corpus}.log",
    benchmark:
        "results/benchmarks/convert_corpus/{entity}/{corpus}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(60),
    params:
        corpus=lambda w: configured.reading_settings(source_of(w.corpus)),
        labels=labels_of,
        code=reading_code("convert_corpus", lambda w: source_of(w.corpus)),
    script:
        "../workflow_scripts/convert_corpus.py"


rule count_corpus:
    """Sentences, tokens and annotations of a corpus, counted as the paper counted them (Table 1)."""
    input:
        brat="results/brat/{entity}/{corpus}",
        table="results/brat/{entity}/{corpus}.tsv",
    output:
        counts="results/counts/{entity}/{corpus}.json",
    log:
        "logs/count_corpus/{entity}/{corpus}.log",
    benchmark:
        "results/benchmarks/count_corpus/{entity}/{corpus}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(60),
    params:
        code=code("count_corpus"),
    script:
        "../workflow_scripts/count_corpus.py"
