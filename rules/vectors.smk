"""Word vectors (section 2.4): given or trained, then cut down to the words that occur in a class, one matrix each."""

CONLL_FILES = [
    f"results/conll/{entity}/{corpus}/{part}.tsv"
    for entity, corpus in sorted(DATA_SETS)
    for part in ("train", "dev", "test")
]
if any(regime != "baseline" for regime in config["study"]["regimes"]):
    CONLL_FILES += expand(
        "results/silver/{entity}/conll/{part}.tsv",
        entity=CLASSES,
        part=["train", "dev"],
    )


rule train_word_vectors:
    """word2vec on the text of all configured corpora, where no vectors are given."""
    input:
        conll=CONLL_FILES,
    output:
        vectors="results/vectors/trained.bin",
    log:
        "logs/train_word_vectors.log",
    benchmark:
        "results/benchmarks/train_word_vectors.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(4000),
        runtime=doubling(6 * 60),
    params:
        dimension=config["word_vectors"]["dimension"],
        training=config["word_vectors"]["training"],
        code=code("train_word_vectors"),
    script:
        "../workflow_scripts/train_word_vectors.py"


rule select_word_vectors:
    """The vectors of the words that occur in the corpora of a class: a source tagger and its targets share them."""
    input:
        vectors=("resources/native/word_vectors" if VECTORS_GIVEN else "results/vectors/trained.bin"),
        conll=lambda w: [file for file in CONLL_FILES if f"/{w.entity}/" in file],
    output:
        words="results/vectors/{entity}/words.txt",
        matrix="results/vectors/{entity}/vectors.npy",
        description="results/vectors/{entity}/vectors.json",
    log:
        "logs/select_word_vectors/{entity}.log",
    benchmark:
        "results/benchmarks/select_word_vectors/{entity}.tsv"
    conda:
        "../envs/corpora.yaml"
    threads: 1
    resources:
        mem_mb=doubling(1500),
        runtime=doubling(2 * 60),
    params:
        dimension=config["word_vectors"]["dimension"],
        training=None if VECTORS_GIVEN else config["word_vectors"]["training"],
        code=code("select_word_vectors"),
    script:
        "../workflow_scripts/select_word_vectors.py"
