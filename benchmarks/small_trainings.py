"""Several small trainings on two cores: how best to share the cores among them.

    python -m benchmarks.small_trainings results DISO/ncbi_disease --fraction 0.2 --epochs 5

The first argument is the results folder of a study whose CoNLL files and word vectors are there. Trains the same
baselines in each of four ways, `--rounds` times in turn: one after the other on one thread and on two; in processes
of their own on one thread each, two at a time; and two at a time in threads of one process. Prints the median seconds
from the first start to the last end, processes' start included, and the ratio to the first way.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from benchmarks.paper_against_fast import baseline

SPAWN = multiprocessing.get_context("spawn")  # a process starts with nothing, as a job of the workflow does


def train(results: Path, data_set: str, fraction: float, epochs: int, mode: str, threads: int, seed: int) -> None:
    """One baseline as config.yaml has it, but for a fixed number of epochs."""
    fixed = {"epochs": epochs, "patience": epochs}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        baseline(output, results, data_set, mode, fixed, fraction=fraction, seed=seed, threads=threads)


def train_in_threads(settings: tuple[Path, str, float, int, str], seeds: list[int]) -> None:
    """All trainings in this process, two at a time. They share torch's generator: good for timing alone."""
    with ThreadPoolExecutor(2) as pool:
        for job in [pool.submit(train, *settings, 1, seed) for seed in seeds]:
            job.result()


def main() -> None:
    """Time the four ways in turn and print a table."""
    parser = argparse.ArgumentParser(description="Seconds of several small trainings, by the way they share the cores.")
    parser.add_argument("results", type=Path)
    parser.add_argument("data_set", help="class/corpus")
    parser.add_argument("--fraction", type=float, default=0.2, help="share of the training documents (default: 0.2)")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--trainings", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mode", choices=["fast", "paper"], default="fast")
    given = parser.parse_args()
    settings = (given.results, given.data_set, given.fraction, given.epochs, given.mode)
    seeds = list(range(1, given.trainings + 1))

    def processes(at_once: int, threads: int) -> None:
        with ProcessPoolExecutor(at_once, SPAWN, max_tasks_per_child=1) as pool:
            for job in [pool.submit(train, *settings, threads, seed) for seed in seeds]:
                job.result()

    def one_process() -> None:
        with ProcessPoolExecutor(1, SPAWN) as pool:
            pool.submit(train_in_threads, settings, seeds).result()

    ways = {
        "one after the other, one thread": lambda: processes(1, 1),
        "one after the other, two threads": lambda: processes(1, 2),
        "two processes, one thread each": lambda: processes(2, 1),
        "two threads of one process, one training each": one_process,
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            seconds[name].append(time.perf_counter() - began)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    first = next(iter(medians.values()))
    print("| way | seconds | times as fast |\n|---|--:|--:|")
    for name, median in medians.items():
        print(f"| {name} | {median:.1f} | {first / median:.2f} |")


if __name__ == "__main__":
    main()
