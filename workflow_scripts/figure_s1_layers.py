"""Rule figure_s1_layers: Figure S1, transfer of the layers one after the other."""

from pathlib import Path
from typing import Any

from analysis.layers import figure_s1_layers
from analysis.scores import collect_scores
from analysis.style import print_style, save
from job import run


def main(job: Any) -> None:
    scores = collect_scores([Path(path) for path in job.input.metrics])
    with print_style():
        save(figure_s1_layers(scores, job.params.titles, job.params.left_out), job.output)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
