"""The two trainings of the study: on a silver corpus (the source), and on a gold corpus with or without a source.

Source: Giorgi and Bader (2018), section 2.1.1. Each writes a folder whose files appear only once all are complete.
"""

from __future__ import annotations

import json
import logging
import tempfile
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from model.bundle import load_bundle, save_bundle
from model.corpus import Corpus, Encoded, WordVectors, alphabet, read_conll, tag_set
from model.scores import score
from model.settings import ModelError, read_settings
from model.tag import predict
from model.tagger import Tagger, TaggerConfig
from model.training import Outcome, TrainingConfig, choose_device, reproducible, train
from model.transfer import check_layers, transfer

logger = logging.getLogger(__name__)


def pretrain(
    train: Path,
    dev: Path,
    words: Path,
    vectors: Path,
    output: Path,
    *,
    tagger: Mapping[str, Any],
    training: Mapping[str, Any],
    seed: int,
    threads: int,
    name: str,
) -> None:
    """Train a source tagger on silver CoNLL files.

    `words` and `vectors` are the frozen word vectors; `tagger` and `training` hold the fields of TaggerConfig and
    TrainingConfig; `name` is for the log. The folder `output` ends with model.safetensors, model.json, history.tsv and
    metrics.json. Raises ModelError for input that cannot be used; then `output` is as before.
    """
    files = (train, dev, None, words, vectors, output)
    _run(*files, None, "none", 1.0, tagger, training, seed, threads, name)


def finetune(
    train: Path,
    dev: Path,
    test: Path,
    words: Path,
    vectors: Path,
    output: Path,
    *,
    source: Path | None,
    layers: str,
    train_fraction: float,
    tagger: Mapping[str, Any],
    training: Mapping[str, Any],
    seed: int,
    threads: int,
    name: str,
) -> None:
    """Train a tagger on gold CoNLL files and score it on the test part; with a source it starts from that bundle.

    `layers` is one of model.transfer.LAYERS: the last layer that is copied from `source`, "none" exactly if there is no
    source. `train_fraction`, in (0, 1], is the share of the training documents to use. Else as `pretrain`; `output`
    also gets predictions.tsv, the test file with the predicted tag as its sixth column.
    """
    check_layers(layers)
    if (source is None) != (layers == "none"):
        raise ModelError(f"layers is {layers!r} and source is {source}; layers none means no source, and the reverse")
    files = (train, dev, test, words, vectors, output)
    _run(*files, source, layers, train_fraction, tagger, training, seed, threads, name)


def _run(
    train_file: Path,
    dev_file: Path,
    test_file: Path | None,
    words: Path,
    vectors: Path,
    output: Path,
    source: Path | None,
    layers: str,
    train_fraction: float,
    tagger_settings: Mapping[str, Any],
    training_settings: Mapping[str, Any],
    seed: int,
    threads: int,
    name: str,
) -> None:
    began = time.perf_counter()
    tagger_config = read_settings(TaggerConfig, tagger_settings, "tagger")
    training_config = read_settings(TrainingConfig, training_settings, "training")
    word_vectors = WordVectors(words, vectors)
    full, dev = read_conll(train_file), read_conll(dev_file)
    test = None if test_file is None else read_conll(test_file)
    part = full.part(train_fraction, seed)
    given = None if source is None else load_bundle(source, word_vectors)
    with reproducible(seed, threads):
        characters = alphabet(part, given.alphabet if given else ())
        tagger = Tagger(tagger_config, word_vectors, characters, tag_set([*full.tag_names, *dev.tag_names]))
        table = [] if given is None else transfer(given, tagger, layers)
        device = choose_device()
        tagger.to(device)
        before = None if given is None or test is None else _test(tagger, test)[1]
        outcome = train(training_config, tagger, part, dev, seed=seed, name=name)
        predicted, scores = (None, None) if test is None else _test(tagger, test)
    metrics = {
        "name": name,
        "test": scores,
        "dev": outcome.best.as_dict(),
        "zero_shot": None if given is None else {"test": before, "dev": outcome.initial.as_dict()},
        "best_epoch": outcome.best_epoch,
        "epochs": len(outcome.history),
        "seconds": time.perf_counter() - began,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "threads": threads,
        "seed": seed,
        "layers": layers,
        "train_fraction": train_fraction,
        "train_documents": len(set(part.documents.tolist())),
        "train_sentences": len(part),
        "train_tokens": len(part.words),
        "transfer": table,
        "settings": {"tagger": asdict(tagger_config), "training": asdict(training_config)},
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as place:
        folder = Path(place)
        save_bundle(tagger, folder, asdict(training_config))
        (folder / "history.tsv").write_text(_history(outcome), encoding="utf-8", newline="")
        if test is not None and predicted is not None:
            rows = _predictions(test, predicted)
            (folder / "predictions.tsv").write_text(rows, encoding="utf-8", newline="")
        (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8", newline="")
        output.mkdir(exist_ok=True)
        for file in sorted(folder.iterdir()):
            file.replace(output / file.name)
    logger.info("%s: finished, best epoch %d, scores %s", name, outcome.best_epoch, scores or metrics["dev"])


def _test(tagger: Tagger, corpus: Corpus) -> tuple[list[list[str]], dict[str, float]]:
    predicted = predict(tagger, Encoded(corpus, tagger.word_vectors, tagger.alphabet))
    return predicted, score(corpus.sentence_tags(), predicted).as_dict()


def _history(outcome: Outcome) -> str:
    header = "\t".join(outcome.history[0])
    rows = ("\t".join(f"{value:.6g}" for value in row.values()) for row in outcome.history)
    return "\n".join([header, *rows]) + "\n"


def _predictions(corpus: Corpus, predicted: list[list[str]]) -> str:
    lines: list[str] = []
    for sentence, tags in enumerate(predicted):
        document = corpus.document_names[corpus.documents[sentence]]
        for token, tag in enumerate(tags, start=int(corpus.borders[sentence])):
            gold = corpus.tag_names[corpus.tags[token]]
            word = corpus.vocabulary[corpus.words[token]]
            lines.append(f"{word}\t{document}\t{corpus.starts[token]}\t{corpus.ends[token]}\t{gold}\t{tag}\n")
        lines.append("\n")
    return "".join(lines)
