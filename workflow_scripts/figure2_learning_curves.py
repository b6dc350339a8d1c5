"""Rule figure2_learning_curves: Figure 2, F1 against the share of a corpus used for training."""

from pathlib import Path
from typing import Any

from analysis.learning_curves import figure2_learning_curves
from analysis.scores import collect_scores
from analysis.style import print_style, save
from job import run


def main(job: Any) -> None:
    scores = collect_scores([Path(path) for path in job.input.metrics])
    with print_style():
        save(figure2_learning_curves(scores, job.params.titles, job.params.left_out), job.output)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
