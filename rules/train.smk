"""Training (section 2.1.1): one source tagger a class and seed on silver, then every run of the study on gold."""

BUNDLE = ("model.safetensors", "model.json", "history.tsv", "metrics.json")
VECTORS = ("words.txt", "vectors.npy", "vectors.json")


rule encode_silver:
    """The cleaned silver-standard corpus as arrays, so that its trainings start at once and share memory."""
    input:
        train="results/silver/{entity}/conll/train.tsv",
        dev="results/silver/{entity}/conll/dev.tsv",
    output:
        train="results/silver/{entity}/arrays/train.safetensors",
        dev="results/silver/{entity}/arrays/dev.safetensors",
    log:
        "logs/encode_silver/{entity}.log",
    benchmark:
        "results/benchmarks/encode_silver/{entity}.tsv"
    conda:
        "../envs/model.yaml"
    threads: 1
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(60),
    params:
        code=code("encode_silver"),
    script:
        "../workflow_scripts/encode_silver.py"


rule pretrain:
    """Train the source tagger of a class on the cleaned silver-standard corpus."""
    input:
        train="results/silver/{entity}/arrays/train.safetensors",
        dev="results/silver/{entity}/arrays/dev.safetensors",
        vectors=multiext("results/vectors/{entity}/silver/", *VECTORS),
    output:
        multiext("results/source/{entity}/seed{seed}/", *BUNDLE),
    log:
        "logs/pretrain/{entity}/seed{seed}.log",
    benchmark:
        "results/benchmarks/pretrain/{entity}/seed{seed}.tsv"
    conda:
        "../envs/model.yaml"
    threads: config["training"]["threads"]
    resources:
        gpu=1,
        mem_mb=doubling(8000),
        runtime=doubling(24 * 60),
    params:
        tagger=TAGGER,
        training=TRAINING["source"],
        checkpoint="checkpoints/source/{entity}/seed{seed}.safetensors",
        code=code("pretrain"),
    script:
        "../workflow_scripts/pretrain.py"


rule finetune:
    """Train a tagger on a gold-standard corpus, from scratch (baseline) or from the source tagger (transfer)."""
    input:
        train="results/conll/{entity}/{corpus}/train.tsv",
        dev="results/conll/{entity}/{corpus}/dev.tsv",
        test="results/conll/{entity}/{corpus}/test.tsv",
        vectors=multiext("results/vectors/{entity}/{corpus}/", *VECTORS),
        source=lambda w: (
            [] if w.regime == "baseline" else multiext(f"results/source/{w.entity}/seed{w.seed}/", *BUNDLE[:2])
        ),
    output:
        multiext(
            "results/runs/{entity}/{corpus}/{regime}/share{share}/seed{seed}/",
            *BUNDLE,
            "predictions.tsv",
        ),
    log:
        "logs/finetune/{entity}/{corpus}/{regime}/share{share}/seed{seed}.log",
    benchmark:
        "results/benchmarks/finetune/{entity}/{corpus}/{regime}/share{share}/seed{seed}.tsv"
    conda:
        "../envs/model.yaml"
    threads: config["training"]["threads"]
    resources:
        gpu=1,
        mem_mb=doubling(4000),
        runtime=doubling(12 * 60),
    params:
        tagger=TAGGER,
        training=TRAINING["target"],
        layers=lambda w: layers_of(w.regime),
        train_fraction=lambda w: int(w.share) / config["study"]["split"]["train"],
        checkpoint="checkpoints/runs/{entity}/{corpus}/{regime}/share{share}/seed{seed}.safetensors",
        code=code("finetune"),
    script:
        "../workflow_scripts/finetune.py"


rule export_predictions:
    """A run's predictions on its test set as Brat standoff, on request."""
    input:
        predictions="results/runs/{entity}/{corpus}/{regime}/share{share}/seed{seed}/predictions.tsv",
        brat="results/brat/{entity}/{corpus}",
        table="results/brat/{entity}/{corpus}.tsv",
    output:
        brat=directory("results/predictions/{entity}/{corpus}/{regime}/share{share}/seed{seed}"),
    log:
        "logs/export_predictions/{entity}/{corpus}/{regime}/share{share}/seed{seed}.log",
    benchmark:
        "results/benchmarks/export_predictions/{entity}/{corpus}/{regime}/share{share}/seed{seed}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(2000),
        runtime=doubling(60),
    params:
        code=code("export_predictions"),
    script:
        "../workflow_scripts/export_predictions.py"
