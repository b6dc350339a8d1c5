"""F1 on a test part after equal seconds of training, against what a user could pick instead, on the CPU.

    python -m benchmarks.f1_after_seconds results DISO/ncbi_disease --seconds 10 20 40 80

The first argument is the results folder of a study whose CoNLL files and word vectors are there. Each tagger trains on
the training part from scratch; whenever its time is up it tags the test part, which does not count. Ours has the two
training modes; the references are those of benchmarks.references, plain torch with the settings of ours. No part
chooses an epoch, so these are curves, and no results of the study.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.references import Flair, PlainTorch, plain_step
from benchmarks.train_throughput import FAST, PAPER, PREDICTION_BATCH, read_vectors
from model.batches import Encoded
from model.corpus import Corpus, alphabet, read_conll, tag_set
from model.engines import engine_for
from model.scores import score
from model.settings import TrainingConfig
from model.tagger import Tagger, TaggerConfig
from model.training import Optimizer, reproducible

Step = Callable[[], None]
Tags = Callable[[], list[list[str]]]
_FLAIR = 320  # sentences that flair's trainer is given at a time


class Study:
    """A data set's parts and word vectors, and the taggers to compare: how they train a bit, and tag the test part."""

    def __init__(self, results: Path, data_set: str, seed: int, threads: int) -> None:
        parts, vectors = results / "conll" / data_set, results / "vectors" / data_set
        self.train, self.test = read_conll(parts / "train.tsv"), read_conll(parts / "test.tsv")
        self.names, self.vectors = read_vectors(vectors / "words.txt", vectors / "vectors.npy")
        self.letters, self.labels = alphabet(self.train), tag_set(self.train.tag_names)
        self.examples = Encoded(self.train, self.vectors, self.letters, self.labels)
        self.to_tag = Encoded(self.test, self.vectors, self.letters)
        self.generator, self.threads = np.random.default_rng(seed), threads

    def batches(self, size: int) -> Iterator[Any]:
        """Those of epoch after epoch."""
        return chain.from_iterable(self.examples.training_order(size, self.generator) for _ in count())

    def ours(self, config: TrainingConfig) -> tuple[Step, Tags]:
        """The project's tagger."""
        tagger = Tagger(TaggerConfig(), self.vectors, self.letters, self.labels)
        engine = engine_for(tagger, config.dropout, self.threads)
        optimizer, batches = Optimizer(config, engine), self.batches(config.batch_sentences)

        def step() -> None:
            engine.loss(self.examples, next(batches), self.generator)
            optimizer.update()

        return step, lambda: engine.tags(self.to_tag)

    def plain(self, config: TrainingConfig) -> tuple[Step, Tags]:
        """Plain torch."""
        tagger = PlainTorch(self.vectors, len(self.letters), len(self.labels))
        train, batches = plain_step(tagger, config), self.batches(config.batch_sentences)

        def tags() -> list[list[str]]:
            result: list[list[str]] = [[] for _ in self.test.sentence_tags()]
            for sentences in self.to_tag.prediction_order(PREDICTION_BATCH):
                for sentence, path in zip(sentences, tagger.decode(self.to_tag.batch(sentences)), strict=True):
                    result[sentence] = [self.labels[tag] for tag in path]
            return result

        return lambda: train(self.examples.batch(next(batches), self.generator)), tags

    def flair(self) -> tuple[Step, Tags]:
        """Flair. Raises ImportError where it is not installed."""
        flair = Flair(self.train, self.names, self.vectors)
        data, test = flair.sentences(self.train), flair.sentences(self.test)
        orders = (self.generator.permutation(len(data)) for _ in count())
        parts = (order[i : i + _FLAIR] for order in orders for i in range(0, len(order), _FLAIR))
        return lambda: flair.train([data[sentence] for sentence in next(parts)]), lambda: flair.tags(test)


def curve(step: Step, tags: Tags, seconds: Sequence[float], test: Corpus) -> list[str]:
    """F1 after each of these rising numbers of seconds of training."""
    spent, cells = 0.0, []
    for mark in seconds:
        while spent < mark:
            began = time.perf_counter()
            step()
            spent += time.perf_counter() - began
        cells.append(f"{score(test.sentence_tags(), tags()).f1:.1f}")
    return cells


def main() -> None:
    """Train each in turn; print a row a tagger as a Markdown table."""
    parser = argparse.ArgumentParser(description="F1 after equal seconds of training, against other taggers.")
    parser.add_argument("results", type=Path, help="results folder of a study")
    parser.add_argument("data_set", help="class and corpus, such as DISO/ncbi_disease")
    parser.add_argument("--seconds", type=float, nargs="+", default=[10, 20, 40, 80], help="(default: 10 20 40 80)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    seconds = sorted(given.seconds)
    study = Study(given.results, given.data_set, given.seed, given.threads)
    taggers: dict[str, Callable[[], tuple[Step, Tags]]] = {
        "fast": lambda: study.ours(FAST),
        "paper": lambda: study.ours(PAPER),
        "plain torch, batches of 32": lambda: study.plain(FAST),
        "plain torch, one sentence": lambda: study.plain(PAPER),
        "flair": study.flair,
    }
    print("|", " | ".join([given.data_set, *(f"{mark:g} s" for mark in seconds)]), "|")
    print("|---|", "--:|" * len(seconds), sep="")
    for name, make in taggers.items():
        with reproducible(given.seed, given.threads):
            try:
                step, tags = make()
            except ImportError:
                print(f"({name} is not installed)")
                continue
            tags()  # what is compiled or loaded at first use
            print("|", " | ".join([name, *curve(step, tags, seconds, study.test)]), "|", flush=True)


if __name__ == "__main__":
    main()
