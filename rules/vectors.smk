"""Word vectors (section 2.4): given or trained, then cut down to the words that occur, one matrix a data set."""

TEXTS = sorted(DATA_SETS)
if any(regime != "baseline" for regime in config["study"]["regimes"]):
    TEXTS += [(entity, "silver") for entity in CLASSES]


rule train_word_vectors:
    """word2vec on the text of the study's corpora, where no vectors are given."""
    input:
        conll=[file for text in TEXTS for file in conll_of(*text)],
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
    """The vectors of the words that occur in a data set, so that a corpus added changes those of no other."""
    input:
        vectors=("resources/native/word_vectors" if VECTORS_GIVEN else "results/vectors/trained.bin"),
        conll=lambda w: conll_of(w.entity, w.corpus),
    output:
        words="results/vectors/{entity}/{corpus}/words.txt",
        matrix="results/vectors/{entity}/{corpus}/vectors.npy",
        description="results/vectors/{entity}/{corpus}/vectors.json",
    log:
        "logs/select_word_vectors/{entity}/{corpus}.log",
    benchmark:
        "results/benchmarks/select_word_vectors/{entity}/{corpus}.tsv"
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
