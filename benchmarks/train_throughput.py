"""Speed of training and prediction on the CPU against what a user could pick instead, at the same sizes.

    python -m benchmarks.train_throughput --conll train.tsv --words words.txt --vectors vectors.npy

References (benchmarks.references): torch's own packed nn.LSTM with pytorch-crf, frozen word vectors, characters once a
distinct word, written as a competent user would; and flair with its own trainer, where it can be imported. Without data
it makes sentences up.
A round times each variant once, in turn, in one process; a ratio is the median over the rounds of sentences a second by
those of the reference in the same round. With several thread counts each variant stands with the one whose median is
best. What is timed is the whole step: cutting the batch, forward, loss, backward, clipping, update.
The last line is a JSON object with the ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.references import Flair, PlainTorch, plain_step
from model.batches import Encoded, WordVectors
from model.corpus import Corpus, alphabet, read_conll, tag_set
from model.engines import engine_for
from model.settings import TrainingConfig
from model.tagger import Tagger, TaggerConfig
from model.training import Optimizer

DROPOUT = 0.5
PAPER = TrainingConfig("sgd", 0.005, 1, "value", 5.0, DROPOUT, 1, 1)
FAST = TrainingConfig("adam", 0.003, 32, "norm", 5.0, DROPOUT, 1, 1)
PREDICTION_BATCH = 64

Variant = Callable[[], float]  # runs once over its sentences; returns sentences a second


def ours(tagger: Tagger, examples: Encoded, config: TrainingConfig, batches: list[Any], threads: int = 1) -> Variant:
    """Training steps over these batches, as model.training makes them."""
    engine = engine_for(tagger, config.dropout, threads, getattr(torch, config.precision))
    optimizer, generator = Optimizer(config, engine), np.random.default_rng(0)

    def run() -> float:
        began = time.perf_counter()
        for sentences in batches:
            engine.loss(examples, sentences, generator)
            norm = optimizer.update()
        norm.item()  # a GPU is done only then
        return sum(map(len, batches)) / (time.perf_counter() - began)

    return run


def plain(tagger: PlainTorch, examples: Encoded, config: TrainingConfig, batches: list[Any]) -> Variant:
    """The same steps by plain torch."""
    step, generator = plain_step(tagger, config), np.random.default_rng(0)

    def run() -> float:
        began = time.perf_counter()
        for sentences in batches:
            step(examples.batch(sentences, generator))
        next(tagger.parameters()).sum().item()  # a GPU is done only then
        return sum(map(len, batches)) / (time.perf_counter() - began)

    return run


def flair_training(corpus: Corpus, names: list[str], vectors: WordVectors, sentences: int) -> Variant | None:
    """Flair's training on the corpus's first sentences; None where flair is not installed."""
    try:
        flair = Flair(corpus, names, vectors)
    except ImportError:
        return None
    data = flair.sentences(corpus)[:sentences]

    def run() -> float:
        began = time.perf_counter()
        flair.train(data)
        return len(data) / (time.perf_counter() - began)

    return run


def made_up(folder: Path, sentences: int = 2000) -> tuple[Path, Path, Path]:
    """A CoNLL file and vectors of random letters, with about the lengths and the tags of NCBI Disease."""
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = sorted(
        {"".join(generator.choice(letters, length)) for length in generator.geometric(0.2, 8000).clip(1, 20)}
    )
    lines = []
    for number in range(sentences):
        start = 0
        for _ in range(int(generator.gamma(4.0, 6.3)) + 1):
            word = words[int(len(words) * generator.random() ** 3)]
            tag = "S-DISO" if generator.random() < 0.05 else "O"
            lines.append(f"{word}\td{number}\t{start}\t{start + len(word)}\t{tag}\n")
            start += len(word) + 1
        lines.append("\n")
    paths = folder / "train.tsv", folder / "words.txt", folder / "vectors.npy"
    paths[0].write_text("".join(lines), encoding="utf-8", newline="")
    paths[1].write_text("\n".join(words) + "\n", encoding="utf-8", newline="")
    np.save(paths[2], generator.normal(size=(len(words), 200)).astype(np.float32))
    return paths


def read_vectors(words: Path, matrix: Path) -> tuple[list[str], WordVectors]:
    """The words of a file, one a line, and their vectors, the rows of an .npy."""
    names = words.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    return names, WordVectors({name: row for row, name in enumerate(names)}, np.load(matrix, allow_pickle=False), "")


def part_of(corpus: Corpus, sentences: int) -> Corpus:
    """About this many sentences, in whole documents."""
    return corpus.part(min(1.0, sentences / len(corpus)), seed=0)


def ratio(speeds: dict[tuple[str, int], list[float]], ours: str, theirs: str) -> float | None:
    """Median over the rounds, each side at the thread count that is best for it; None if one did not run."""

    def best(name: str) -> list[float]:
        return max((rounds for (variant, _), rounds in speeds.items() if variant == name), key=statistics.median)

    if not any(variant == theirs for variant, _ in speeds):
        return None
    return round(statistics.median(a / b for a, b in zip(best(ours), best(theirs), strict=True)), 2)


def main() -> None:
    """Measure, print a line a variant, then the ratios."""
    parser = argparse.ArgumentParser(description="Speed of training and prediction against plain torch and flair.")
    parser.add_argument("--conll", type=Path, help="a training part; made up if not given")
    parser.add_argument("--words", type=Path, help="words of the vectors, one a line")
    parser.add_argument("--vectors", type=Path, help="word vectors, .npy")
    parser.add_argument("--threads", type=int, nargs="+", default=[1], help="thread counts to try (default: 1)")
    parser.add_argument("--rounds", type=int, default=5, help="times that each variant is measured (default: 5)")
    parser.add_argument("--sentences", type=int, default=640, help="sentences a variant in a round (default: 640)")
    arguments = parser.parse_args()
    given = [arguments.conll, arguments.words, arguments.vectors]
    if any(given) and not all(given):
        parser.error("--conll, --words and --vectors go together")
    with tempfile.TemporaryDirectory() as folder:
        conll, words, matrix = given if all(given) else made_up(Path(folder))
        corpus, names, vectors = read_conll(conll), *read_vectors(words, matrix)
        speeds = measure(corpus, names, vectors, arguments.threads, arguments.rounds, arguments.sentences)
    for (name, threads), rounds in speeds.items():
        spread = f"{min(rounds):.0f}-{max(rounds):.0f}"
        print(f"{name}, {threads} thread(s): {statistics.median(rounds):.0f} sentences/s ({spread})")
    print(f"load: {', '.join(f'{load:.2f}' for load in os.getloadavg())}", flush=True)
    pairs = {
        "paper_vs_torch": ("paper", "torch, batch 1"),
        "fast_vs_torch": ("fast", "torch, batch 32"),
        "predict_vs_torch": ("predict", "torch, predict"),
        "fast_vs_flair": ("fast", "flair"),
    }
    print(json.dumps({key: ratio(speeds, *names) for key, names in pairs.items()}))


def measure(
    corpus: Corpus, names: list[str], vectors: WordVectors, threads: list[int], rounds: int, sentences: int
) -> dict[tuple[str, int], list[float]]:
    """Sentences a second by variant and thread count, a number a round; the first round is thrown away."""
    torch.manual_seed(0)
    letters, tags = alphabet(corpus), tag_set(corpus.tag_names)
    examples = Encoded(corpus, vectors, letters, tags)
    generator = np.random.default_rng(0)
    single = examples.training_order(1, generator)[: max(1, sentences // 2)]
    batches = examples.training_order(32, generator)[: max(1, sentences // 32)]
    to_predict = Encoded(part_of(corpus, 2 * sentences), vectors, letters)
    reference = PlainTorch(vectors, len(letters), len(tags))

    def tagger() -> Tagger:
        return Tagger(TaggerConfig(), vectors, letters, tags)

    def predict(threads: int) -> Variant:
        engine = engine_for(tagger(), threads=threads)

        def speed() -> float:
            began = time.perf_counter()
            engine.tags(to_predict)
            return len(to_predict.lengths) / (time.perf_counter() - began)

        return speed

    def predict_plainly() -> float:
        began = time.perf_counter()
        for batch in to_predict.prediction_order(PREDICTION_BATCH):
            reference.decode(to_predict.batch(batch))
        return len(to_predict.lengths) / (time.perf_counter() - began)

    variants: dict[str, Callable[[int], Variant]] = {
        "paper": lambda threads: ours(tagger(), examples, PAPER, single, threads),
        "torch, batch 1": lambda _: plain(reference, examples, PAPER, single),
        "fast": lambda threads: ours(tagger(), examples, FAST, batches, threads),
        "torch, batch 32": lambda _: plain(reference, examples, FAST, batches),
        "predict": predict,
        "torch, predict": lambda _: predict_plainly,
    }
    flair = flair_training(corpus, names, vectors, sentences)
    if flair is not None:
        variants["flair"] = lambda _: flair
    ready = {(name, count): make(count) for name, make in variants.items() for count in threads}
    speeds: dict[tuple[str, int], list[float]] = {variant: [] for variant in ready}
    for number in range(rounds + 1):
        for (name, count), measured in speeds.items():
            torch.set_num_threads(count)
            speed = ready[name, count]()
            if number:
                measured.append(speed)
        print(f"round {number} of {rounds}", file=sys.stderr)
    return speeds


if __name__ == "__main__":
    main()
