"""Quality and time of the two training modes: one sentence an update with SGD, or batches with Adam.

    python -m benchmarks.paper_against_fast results DISO/ncbi_disease PRGE/bioinfer --seeds 1 2 3 4 5

The first argument is the results folder of a study whose CoNLL files and word vectors are there. Trains a baseline of
each data set in both modes as config.yaml has them, to early stopping, on one thread, and prints a row a data set and
mode: test F1 (mean and standard deviation over seeds), epochs, seconds, and the seconds after which dev F1 first
reached what both modes reach, the smaller of their two best. `--fraction` takes that share of the training documents.
Each run's numbers go to a file as they come, and a program that is started again goes on there.
"""

from __future__ import annotations

import argparse
import csv
import json
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from tqdm import tqdm

from model.runs import run

CONFIG = Path(__file__).parents[1] / "config.yaml"
MODES = ("paper", "fast")


def baseline(
    output: Path,
    results: Path,
    data_set: str,
    mode: str,
    changes: dict[str, Any],
    *,
    fraction: float,
    seed: int,
    threads: int = 1,
) -> None:
    """Train a baseline on a study's files as config.yaml has it, but for these changes of its training."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    parts = results / "conll" / data_set
    run(
        output,
        train_file=parts / "train.tsv",
        dev_file=parts / "dev.tsv",
        test_file=parts / "test.tsv",
        vectors=results / "vectors" / data_set,
        train_fraction=fraction,
        tagger=config["tagger"],
        training=config["training"][mode]["target"] | changes,
        seed=seed,
        threads=threads,
        name=f"{data_set} {mode} seed {seed}",
    )


def train(
    results: Path, data_set: str, mode: str, seed: int, fraction: float, changes: dict[str, Any]
) -> dict[str, Any]:
    """Test F1, epochs, and the seconds and dev F1 after each epoch of one training."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "run"
        baseline(output, results, data_set, mode, changes, fraction=fraction, seed=seed)
        metrics = json.loads((output / "metrics.json").read_text(encoding="utf-8"))
        with (output / "history.tsv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file, delimiter="\t"))
    return {
        "f1": metrics["test"]["f1"],
        "sentences": metrics["train_sentences"],
        "seconds": [float(row["seconds"]) for row in rows],
        "dev_f1": [float(row["f1"]) for row in rows],
    }


def seconds_to(found: dict[str, Any], level: float) -> float:
    """Seconds of training and dev scoring until dev F1 first was at least the level."""
    first = next(number for number, f1 in enumerate(found["dev_f1"], start=1) if f1 >= level)
    return float(sum(found["seconds"][:first]))


def rows(by_mode: dict[str, list[dict[str, Any]]], data_set: str) -> Iterator[str]:
    """A line a mode, given the runs of all seeds."""
    levels = [min(max(found["dev_f1"]) for found in pair) for pair in zip(*by_mode.values(), strict=True)]
    for mode, found in by_mode.items():
        f1 = [one["f1"] for one in found]
        spread = f" ± {statistics.stdev(f1):.2f}" if len(f1) > 1 else ""
        reached = [seconds_to(one, level) for one, level in zip(found, levels, strict=True)]
        numbers = (
            f"{found[0]['sentences']:,}",
            f"{statistics.mean(f1):.2f}{spread}",
            f"{statistics.mean(len(one['seconds']) for one in found):.0f}",
            f"{statistics.mean(sum(one['seconds']) for one in found):.0f}",
            f"{statistics.mean(reached):.0f}",
        )
        yield f"| {data_set} | {mode} | {' | '.join(numbers)} |"


def main() -> None:
    """Train what is not there yet, then print the table."""
    parser = argparse.ArgumentParser(description="Quality and time of the training modes paper and fast.")
    parser.add_argument("results", type=Path)
    parser.add_argument("data_sets", nargs="+", help="class/corpus")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--fraction", type=float, default=1.0, help="share of the training documents (default: 1)")
    parser.add_argument("--changes", type=json.loads, default={}, help="settings of both modes to change, as JSON")
    parser.add_argument("--file", type=Path, default=Path("paper_against_fast.json"), help="where the runs are kept")
    arguments = parser.parse_args()
    runs = json.loads(arguments.file.read_text(encoding="utf-8")) if arguments.file.exists() else {}
    # Runs of other files, shares or settings may be there too.
    given = f"{arguments.results.resolve()} {arguments.fraction} {json.dumps(arguments.changes, sort_keys=True)}"
    wanted = [(d, mode, seed) for seed in arguments.seeds for d in arguments.data_sets for mode in MODES]
    for data_set, mode, seed in tqdm(wanted):
        if (key := f"{data_set} {mode} {seed} {given}") not in runs:
            runs[key] = train(arguments.results, data_set, mode, seed, arguments.fraction, arguments.changes)
            arguments.file.write_text(json.dumps(runs), encoding="utf-8")
    print("| data set | mode | sentences | test F1 | epochs | seconds | seconds to the same dev F1 |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for data_set in arguments.data_sets:
        by_mode = {mode: [runs[f"{data_set} {mode} {seed} {given}"] for seed in arguments.seeds] for mode in MODES}
        print("\n".join(rows(by_mode, data_set)))


if __name__ == "__main__":
    main()
