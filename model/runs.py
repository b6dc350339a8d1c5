"""A training of the study, from files to a folder: of a source tagger on silver, or on gold, from a source or not.

Source: Giorgi and Bader (2018), section 2.1.1. The folder's files appear only once all are complete.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from model.batches import Encoded, WordVectors
from model.bundle import PARAMETERS, load_bundle, save_bundle
from model.checkpoint import Checkpoint
from model.corpus import Corpus, alphabet, read_corpus, tag_set
from model.engines import engine_for
from model.scores import score
from model.settings import ModelError, TrainingConfig, read_settings
from model.tagger import Tagger, TaggerConfig
from model.training import Outcome, choose_device, enough_memory, reproducible, train
from model.transfer import LAYERS, check_layers, transfer

logger = logging.getLogger(__name__)


def run(
    output: Path,
    *,
    train_file: Path,
    dev_file: Path,
    test_file: Path | None = None,
    vectors: Path,
    source: Path | None = None,
    layers: str = "none",
    train_fraction: float = 1.0,
    tagger: Mapping[str, Any],
    training: Mapping[str, Any],
    seed: int,
    threads: int,
    name: str,
    checkpoint: Path | None = None,
    code: str = "",
) -> None:
    """Train a tagger and score it on the development part, and on the test part if there is one.

    The parts are CoNLL files or files of arrays (`model.corpus.read_corpus`); `vectors` is a folder of frozen word
    vectors (`WordVectors.load`). With a `source`, the bundle of another tagger, it starts from that one's parameters up
    to the layer `layers`, one of model.transfer.LAYERS and "none" exactly if there is no source. `train_fraction`, in
    (0, 1], is the share of the training documents to use. `tagger` and `training` hold the fields of TaggerConfig and
    TrainingConfig; `name` is for the log. With `checkpoint`, a file, an interrupted training goes on after its last
    complete epoch, and one that has ended is not done again, if nothing that decides its result has changed: settings,
    data, share, source, layers, seed, threads, kind of device, torch, and `code`, a digest of it.

    `output`, a folder, ends with model.safetensors, model.json, history.tsv, metrics.json, and with a test part
    predictions.tsv: that part with the predicted tag as sixth column. Raises ModelError for input that cannot be used;
    then `output` is as before.
    """
    began = time.perf_counter()
    check_layers(layers)
    if (source is None) != (layers == "none"):
        raise ModelError(f"layers is {layers!r} and source is {source}; layers none means no source, and the reverse")
    tagger_config = read_settings(TaggerConfig, tagger, "tagger")
    training_config = read_settings(TrainingConfig, training, "training")
    files = [train_file, dev_file, vectors / "words.txt", vectors / "vectors.npy"]
    files += [test_file] if test_file else []
    files += [source / PARAMETERS] if source else []
    contents = _digest(files)
    word_vectors = WordVectors.load(vectors)
    full, dev = read_corpus(train_file), read_corpus(dev_file)
    test = None if test_file is None else read_corpus(test_file)
    part = full.part(train_fraction, seed)
    if not dev.holds_mentions:
        raise ModelError(
            f"{dev_file}: holds no mention to choose the best epoch by; use another split, or more documents"
        )
    if not part.holds_mentions:
        logger.warning("%s: no mention in the %d training documents of %s", name, len(set(part.documents)), train_file)
    given = None if source is None else load_bundle(source, word_vectors)
    with enough_memory():
        device = choose_device()
    settings = {"tagger": asdict(tagger_config), "training": asdict(training_config)}
    folder = output.with_name(f".{output.name}.new")
    shutil.rmtree(folder, ignore_errors=True)  # of a training that was killed here
    saved = None
    if checkpoint is not None:
        decisive = [name, settings, seed, layers, train_fraction, threads, device.type, torch.__version__, code]
        decisive += [word_vectors.origin, contents, given and [given.alphabet, given.tags]]
        saved = Checkpoint(checkpoint, hashlib.sha256(json.dumps(decisive).encode()).hexdigest())
        if saved.restore(folder):
            logger.info("%s: not trained again, as settings, data and code are those of an earlier training", name)
            _move(folder, output)
            return
    # A source of the same seed began with the same draws: layers that are not copied must not begin where its began.
    drawn = seed if given is None else int(np.random.SeedSequence([seed, 1]).generate_state(1)[0])
    with reproducible(drawn, threads), enough_memory():
        characters = alphabet(part, given.alphabet if given else ())
        model = Tagger(tagger_config, word_vectors, characters, tag_set([*full.tag_names, *dev.tag_names]))
        table = [] if given is None else transfer(given, model, layers)
        model.to(device)
        before = None if given is None or test is None else _test(model, test, threads)[1]
        common: dict[str, Any] = {"seed": seed, "name": name, "threads": threads, "checkpoint": saved}
        outcome = train(training_config, model, part, dev, **common, transferred=layers == LAYERS[-1])
        predicted, scores = (None, None) if test is None else _test(model, test, threads)
    if _digest(files) != contents:
        raise ModelError(f"{', '.join(map(str, files))}: one of them has changed while it was in use; run again")
    metrics = {
        "name": name,
        "test": scores,
        "dev": outcome.best.as_dict(),
        "zero_shot": None if given is None else {"test": before, "dev": outcome.initial.as_dict()},
        "best_epoch": outcome.best_epoch,
        "epochs": len(outcome.history),
        "seconds": outcome.seconds_before + time.perf_counter() - began,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "threads": threads,
        "seed": seed,
        "layers": layers,
        "train_fraction": train_fraction,
        "train_documents": len(set(part.documents.tolist())),
        "train_sentences": len(part),
        "train_tokens": len(part.words),
        "transfer": table,
        "settings": settings,
    }
    folder.mkdir(parents=True)
    save_bundle(model, folder, asdict(training_config))
    (folder / "history.tsv").write_text(_history(outcome), encoding="utf-8", newline="")
    if test is not None and predicted is not None:
        (folder / "predictions.tsv").write_text(_predictions(test, predicted), encoding="utf-8", newline="")
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8", newline="")
    if saved is not None:
        saved.keep(folder)
    _move(folder, output)
    logger.info("%s: finished, best epoch %d, scores %s", name, outcome.best_epoch, scores or metrics["dev"])


def _move(folder: Path, output: Path) -> None:
    output.mkdir(exist_ok=True)
    for file in sorted(folder.iterdir()):
        file.replace(output / file.name)
    shutil.rmtree(folder)  # where two names are links to one file, replacing has left both


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        with suppress(OSError), path.open("rb") as file:  # who reads it says what is wrong with it
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _test(tagger: Tagger, corpus: Corpus, threads: int) -> tuple[list[list[str]], dict[str, float]]:
    predicted = engine_for(tagger, threads=threads).tags(Encoded(corpus, tagger.word_vectors, tagger.alphabet))
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
