"""Speed of training and prediction on the CPU against what a user could pick instead, at the same sizes.

    python -m benchmarks.train_throughput --conll train.tsv --words words.txt --vectors vectors.npy

References: torch's own packed nn.LSTM with pytorch-crf, frozen word vectors, characters once a distinct word, written
as a competent user would; and flair with its own trainer, where it can be imported. Without data it makes sentences up.
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
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence
from torchcrf import CRF

from model.batches import Batch, Encoded, WordVectors
from model.corpus import Corpus, alphabet, read_conll, tag_set
from model.tagger import Tagger, TaggerConfig, TokenEmbeddings


DROPOUT = 0.5


PREDICTION_BATCH = 64


class PlainTorch(nn.Module):
    """The reference: nn.LSTM (four gates, no peepholes) in place of the coupled cell, all else the same sizes."""

    def __init__(self, vectors: WordVectors, characters: int, tags: int) -> None:
        super().__init__()
        sizes = TaggerConfig()
        self.token_embeddings = TokenEmbeddings(vectors)
        self.character_embeddings = nn.Embedding(characters + 1, sizes.character_dimension)
        width = 2 * sizes.character_hidden
        self.character_lstm = nn.LSTM(sizes.character_dimension, sizes.character_hidden, bidirectional=True)
        self.token_lstm = nn.LSTM(width + vectors.dimension, sizes.token_hidden, bidirectional=True)
        self.fully_connected = nn.Sequential(
            nn.Linear(2 * sizes.token_hidden, sizes.dense), nn.Tanh(), nn.Linear(sizes.dense, tags)
        )
        self.crf = CRF(tags, batch_first=True)

    def scores(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """Emissions (S, longest, K)."""
        lengths = torch.from_numpy(batch.spelled.lengths)
        steps = torch.arange(int(lengths.max())).unsqueeze(1)  # (L, 1)
        rows = torch.where(steps < lengths, batch.spelled.firsts + steps, 0)  # (L, D)
        letters = self.character_embeddings(batch.characters[rows])
        _, (final, _) = self.character_lstm(pack_padded_sequence(letters, lengths, enforce_sorted=False))
        spelled = torch.cat([final[0], final[1]], dim=1)
        x = torch.cat([spelled[batch.spellings], self.token_embeddings(batch.rows)], dim=1)
        x = F.dropout(x, dropout, training=dropout > 0)
        padded = x[batch.grid].transpose(0, 1)  # (longest, S, D)
        packed = pack_padded_sequence(padded, torch.from_numpy(batch.sentences.lengths), enforce_sorted=False)
        hidden: PackedSequence = self.token_lstm(packed)[0]
        emissions: Tensor = self.fully_connected(hidden.data)
        return pad_packed_sequence(hidden._replace(data=emissions), batch_first=True)[0]

    def loss(self, batch: Batch, dropout: float = 0.0) -> Tensor:
        """Negative log-likelihood, the mean over the sentences."""
        likelihood: Tensor = self.crf(self.scores(batch, dropout), batch.tags[batch.grid], batch.mask, reduction="mean")
        return -likelihood

    @torch.no_grad()
    def decode(self, batch: Batch) -> Any:
        """The best paths."""
        return self.crf.decode(self.scores(batch), batch.mask)


Variant = Callable[[], float]  # runs once over its sentences; returns sentences a second


def training(tagger: Any, examples: Encoded, config: Any, batches: list[Any], plain: bool) -> Variant:
    """Training steps over these batches; a plain reference updates as torch's own documentation would."""
    parameters = list(tagger.parameters())
    optimizer: torch.optim.Optimizer
    if config.optimizer == "sgd":
        optimizer = torch.optim.SGD(parameters, lr=config.learning_rate)
    else:
        optimizer = torch.optim.Adam(parameters, lr=config.learning_rate, fused=True)

    def run() -> float:
        generator = np.random.default_rng(0)
        began = time.perf_counter()
        for sentences in batches:
            batch = examples.batch(sentences, generator)
            optimizer.zero_grad()
            loss = tagger.loss(batch, config.dropout)
            loss.item()
            loss.backward()
            if not plain:
                update(config, parameters, optimizer)
                continue
            if config.clipping == "value":
                nn.utils.clip_grad_value_(parameters, config.clipping_limit)
            else:
                nn.utils.clip_grad_norm_(parameters, config.clipping_limit)
            optimizer.step()
        return sum(map(len, batches)) / (time.perf_counter() - began)

    return run


def prediction(tagger: Any, examples: Encoded, batches: list[Any]) -> Variant:
    """Decoding of these batches."""

    def run() -> float:
        began = time.perf_counter()
        for sentences in batches:
            tagger.decode(examples.batch(sentences))
        return sum(map(len, batches)) / (time.perf_counter() - began)

    return run


def flair_training(corpus: Corpus, names: list[str], vectors: WordVectors, sentences: int) -> Variant | None:
    """The trainer of flair at its defaults on the corpus's first sentences; None where flair is not installed."""
    try:
        from flair.data import Corpus as FlairCorpus
        from flair.data import Sentence
        from flair.embeddings import CharacterEmbeddings, StackedEmbeddings, WordEmbeddings
        from flair.models import SequenceTagger
        from flair.trainers import ModelTrainer
        from gensim.models import KeyedVectors
    except ImportError:
        return None
    data = []
    for number, tags in enumerate(corpus.sentence_tags()[:sentences]):
        words = [corpus.vocabulary[word] for word in corpus.words[corpus.borders[number] : corpus.borders[number + 1]]]
        sentence = Sentence(words)
        for token, tag in zip(sentence, tags, strict=True):
            token.add_label("ner", tag)
        data.append(sentence)
    with tempfile.TemporaryDirectory() as folder:
        keyed = KeyedVectors(vectors.dimension)
        keyed.add_vectors(names, vectors.matrix)
        keyed.save(str(Path(folder) / "vectors.gensim"))
        embeddings = StackedEmbeddings([WordEmbeddings(str(Path(folder) / "vectors.gensim")), CharacterEmbeddings()])
    flair_corpus = FlairCorpus(train=data, dev=data[:1], test=data[:1], sample_missing_splits=False)
    labels = flair_corpus.make_label_dictionary("ner", add_unk=False)
    tagger = SequenceTagger(embeddings, labels, "ner", hidden_size=200, rnn_layers=1, use_crf=True, tag_format="BIOES")

    def run() -> float:
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            ModelTrainer(tagger, flair_corpus).train(
                folder, max_epochs=1, save_final_model=False, monitor_test=False, train_with_dev=True
            )
            return len(data) / (time.perf_counter() - began)

    return run


def made_up(folder: Path) -> tuple[Path, Path, Path]:
    """A CoNLL file and vectors of random letters, with about the lengths and the tags of NCBI Disease."""
    generator = np.random.default_rng(0)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = sorted(
        {"".join(generator.choice(letters, length)) for length in generator.geometric(0.2, 8000).clip(1, 20)}
    )
    lines = []
    for number in range(2000):
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
        corpus, vectors = read_conll(conll), WordVectors(words, matrix)
        names = words.read_text(encoding="utf-8").removesuffix("\n").split("\n")
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
    ours, theirs = Tagger(TaggerConfig(), vectors, letters, tags), PlainTorch(vectors, len(letters), len(tags))
    examples = Encoded(corpus, vectors, letters, tags)
    generator = np.random.default_rng(0)
    single = examples.training_order(1, generator)[: max(1, sentences // 2)]
    batches = examples.training_order(32, generator)[: max(1, sentences // 32)]
    to_predict = examples.prediction_order(PREDICTION_BATCH)
    to_predict = to_predict[:: max(1, len(to_predict) * PREDICTION_BATCH // (2 * sentences))]
    variants = {
        "paper": training(ours, examples, PAPER, single, plain=False),
        "torch, batch 1": training(theirs, examples, PAPER, single, plain=True),
        "fast": training(ours, examples, FAST, batches, plain=False),
        "torch, batch 32": training(theirs, examples, FAST, batches, plain=True),
        "predict": prediction(ours, examples, to_predict),
        "torch, predict": prediction(theirs, examples, to_predict),
    }
    flair = flair_training(corpus, names, vectors, sentences)
    if flair is not None:
        variants["flair"] = flair
    speeds: dict[tuple[str, int], list[float]] = {(name, count): [] for name in variants for count in threads}
    for number in range(rounds + 1):
        for (name, count), measured in speeds.items():
            torch.set_num_threads(count)
            speed = variants[name]()
            if number:
                measured.append(speed)
        print(f"round {number} of {rounds}", file=sys.stderr)
    return speeds


if __name__ == "__main__":
    main()
