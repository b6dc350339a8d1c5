"""Speed of training and prediction on a GPU, against torch's cuDNN LSTM, and of several trainings that share it.

    python -m benchmarks.gpu_throughput --conll train.tsv --words words.txt --vectors vectors.npy

The reference is plain torch of benchmarks.references, as torch comes: not deterministic, and cuDNN may use TF32. A
round times each variant once, in turn; a ratio is the median over the rounds. Then trainings run at once, each in a
process of its own, as the slots of a GPU let them. Without data it makes sentences up; without a GPU all of it runs on
the CPU, which shows only that it does. The last line is a JSON object with the figures.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

import numpy as np
import torch

from benchmarks.references import PlainTorch
from benchmarks.train_throughput import FAST, PAPER, PREDICTION_BATCH, made_up, ours, plain, read_vectors
from model.batches import Encoded
from model.corpus import Corpus, alphabet, read_conll, tag_set
from model.engines import engine_for
from model.tagger import Tagger, TaggerConfig
from model.training import choose_device, reproducible

ABSTRACTS = {"21,210 abstracts": 212_100, "50,000 abstracts": 500_000}  # in sentences, ten each
Files = tuple[Path, Path, Path]
SPAWN = multiprocessing.get_context("spawn")


class Data:
    """A training part as both taggers read it, and fresh taggers for it."""

    def __init__(self, files: Files) -> None:
        conll, words, matrix = files
        self.corpus: Corpus = read_conll(conll)
        self.vectors = read_vectors(words, matrix)[1]
        self.letters, self.tags = alphabet(self.corpus), tag_set(self.corpus.tag_names)
        self.examples = Encoded(self.corpus, self.vectors, self.letters, self.tags)

    def tagger(self, device: torch.device) -> Tagger:
        """The paper's."""
        return Tagger(TaggerConfig(), self.vectors, self.letters, self.tags).to(device)


@contextmanager
def busy() -> Iterator[list[int]]:
    """Percent of the time in which the GPU computed, by nvidia-smi, one number every half second or so."""
    samples: list[int] = []
    program, over = shutil.which("nvidia-smi") if torch.cuda.is_available() else None, threading.Event()
    query = [str(program), "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
    if program:
        query.append(f"--id=GPU-{torch.cuda.get_device_properties(0).uuid}")

    def watch() -> None:
        while program and not over.wait(0.3):
            said = subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  (nvidia-smi)
            samples.extend([int(said)] if said.isdecimal() else [])  # a part of a GPU (MIG) may have none

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield samples
    finally:
        over.set()
        thread.join()


def variants(data: Data, device: torch.device, sentences: int) -> dict[str, Callable[[], float]]:
    """What is measured: each runs once over its sentences and returns sentences a second."""
    generator = np.random.default_rng(0)
    single = data.examples.training_order(1, generator)[: sentences // 32]
    batches = data.examples.training_order(32, generator)[: sentences // 32]
    large = data.examples.training_order(256, generator)[: sentences // 256]
    reference = PlainTorch(data.vectors, len(data.letters), len(data.tags)).to(device)
    engine = engine_for(data.tagger(device))

    def predict() -> float:
        began = time.perf_counter()
        engine.tags(data.examples)
        return len(data.corpus) / (time.perf_counter() - began)

    def predict_plainly() -> float:
        began = time.perf_counter()
        for batch in data.examples.prediction_order(PREDICTION_BATCH):
            reference.decode(data.examples.batch(batch))
        return len(data.corpus) / (time.perf_counter() - began)

    half = replace(FAST, precision="bfloat16")
    return {
        "batch 1": ours(data.tagger(device), data.examples, PAPER, single),
        "cuDNN, batch 1": plain(reference, data.examples, PAPER, single),
        "batch 32": ours(data.tagger(device), data.examples, FAST, batches),
        "batch 32, bfloat16": ours(data.tagger(device), data.examples, half, batches),
        "cuDNN, batch 32": plain(reference, data.examples, FAST, batches),
        "batch 256": ours(data.tagger(device), data.examples, FAST, large),
        "batch 256, bfloat16": ours(data.tagger(device), data.examples, half, large),
        "cuDNN, batch 256": plain(reference, data.examples, FAST, large),
        "predict": predict,
        "cuDNN, predict": predict_plainly,
    }


def train_beside_others(files: Files, steps: int, start: Barrier, speeds: Queue[float]) -> None:
    """A fine-tuning's steps, after all have warmed up."""
    torch.set_num_threads(1)
    data, device = Data(files), choose_device()
    with reproducible(0, 1):
        batches = data.examples.training_order(32, np.random.default_rng(0))
        run = ours(data.tagger(device), data.examples, FAST, [batches[i % len(batches)] for i in range(steps)])
        run()
        start.wait(timeout=300)
        speeds.put(run())


def at_once(files: Files, trainings: int, steps: int) -> float:
    """Sentences a second of that many trainings together, each in a process of its own."""
    start, speeds = SPAWN.Barrier(trainings), SPAWN.Queue()
    processes = [
        SPAWN.Process(target=train_beside_others, args=(files, steps, start, speeds), daemon=True)
        for _ in range(trainings)
    ]
    for process in processes:
        process.start()
    total = sum(float(speeds.get(timeout=300)) for _ in processes)
    for process in processes:
        process.join()
    return total


def main() -> None:
    """Measure, print a line a variant, then the figures."""
    parser = argparse.ArgumentParser(description="Speed on a GPU, against torch's cuDNN LSTM, and of shared GPUs.")
    parser.add_argument("--conll", type=Path, help="a training part; made up if not given")
    parser.add_argument("--words", type=Path, help="words of the vectors, one a line")
    parser.add_argument("--vectors", type=Path, help="word vectors, .npy")
    parser.add_argument("--rounds", type=int, default=5, help="times that each variant is measured (default: 5)")
    parser.add_argument("--sentences", type=int, default=6400, help="sentences a variant in a round, 256 or more")
    parser.add_argument("--slots", type=int, nargs="*", default=[1, 2, 4, 8], help="trainings at once to measure")
    given = parser.parse_args()
    files = (given.conll, given.words, given.vectors)
    if any(files) and not all(files):
        parser.error("--conll, --words and --vectors go together")
    if given.sentences < 256:
        parser.error(f"--sentences is {given.sentences}; give at least 256, the largest batch")
    with tempfile.TemporaryDirectory() as folder:
        measure(files if all(files) else made_up(Path(folder), given.sentences), given)


def measure(files: Files, given: argparse.Namespace) -> None:
    """All figures of these data, printed."""
    device, data = choose_device(), Data(files)
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    print(f"{name}, torch {torch.__version__}, cuDNN in TF32: {torch.backends.cudnn.allow_tf32}", flush=True)
    tokens = len(data.corpus.words) / len(data.corpus)
    ready = variants(data, device, given.sentences)
    speeds: dict[str, list[float]] = {name: [] for name in ready}
    shares: dict[str, list[int]] = {name: [] for name in ready}
    for number in range(given.rounds + 1):
        for name, run in ready.items():
            with nullcontext() if name.startswith("cuDNN") else reproducible(0, 1), busy() as samples:
                speed = run()
            if number:  # the first compiles
                speeds[name].append(speed)
                shares[name] += samples
    figures: dict[str, float] = {}
    for name, rounds in speeds.items():
        median = statistics.median(rounds)
        figures[name] = round(median)
        share = f", {statistics.mean(shares[name]):.0f} % busy" if shares[name] else ""
        spread = f"{min(rounds):.0f}-{max(rounds):.0f}"
        print(f"{name}: {median:.0f} sentences/s ({spread}), {median * tokens:.0f} tokens/s{share}", flush=True)
    for name in ("batch 1", "batch 32", "batch 256", "predict"):
        pairs = zip(speeds[name], speeds[f"cuDNN, {name}"], strict=True)
        figures[f"{name}_vs_cudnn"] = round(statistics.median(a / b for a, b in pairs), 2)
    for name, sentences in ABSTRACTS.items():
        for variant in ("batch 32", "batch 256"):
            figures[f"seconds an epoch, {name}, {variant}"] = round(sentences / figures[variant], 1)
    steps = given.sentences // 32 * (8 if device.type == "cuda" else 1)  # or a GPU is done before all run
    for trainings in given.slots:
        figures[f"{trainings} at once"] = round(at_once(files, trainings, steps))
        print(f"{trainings} trainings at once: {figures[f'{trainings} at once']} sentences/s together", flush=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
