"""Splitting by document, sentences, tokens and BIOES tags."""


rule tokenize_corpus:
    """A gold-standard corpus of one class in CoNLL form, split into training, development and test sets."""
    input:
        brat="results/brat/{entity}/{corpus}",
        table="results/brat/{entity}/{corpus}.tsv",
    output:
        train="results/conll/{entity}/{corpus}/train.tsv",
        dev="results/conll/{entity}/{corpus}/dev.tsv",
        test="results/conll/{entity}/{corpus}/test.tsv",
        statistics="results/conll/{entity}/{corpus}/statistics.json",
    log:
        "logs/tokenize_corpus/{entity}/{corpus}.log",
    benchmark:
        "results/benchmarks/tokenize_corpus/{entity}/{corpus}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(60),
    params:
        policy=lambda w: source_of(w.corpus).get("split", "random"),
        percent=config["study"]["split"],
        seed=config["study"]["split_seed"],
        code=code("tokenize_corpus"),
    script:
        "../workflow_scripts/tokenize_corpus.py"


rule tokenize_silver:
    """The cleaned silver-standard corpus of one class in CoNLL form, with a development set and no test set."""
    input:
        brat="results/silver/{entity}/documents.zip",
        table="results/silver/{entity}/documents.tsv",
    output:
        train="results/silver/{entity}/conll/train.tsv",
        dev="results/silver/{entity}/conll/dev.tsv",
        statistics="results/silver/{entity}/conll/statistics.json",
    log:
        "logs/tokenize_silver/{entity}.log",
    benchmark:
        "results/benchmarks/tokenize_silver/{entity}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(2 * 60),
    params:
        policy="random",
        percent=SILVER["split"],
        seed=SILVER["seed"],
        code=code("tokenize_corpus"),
    script:
        "../workflow_scripts/tokenize_corpus.py"
