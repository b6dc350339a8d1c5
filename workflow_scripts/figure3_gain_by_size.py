"""Rule figure3_gain_by_size: Figure 3, gain in F1 by number of annotations."""

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.gain_by_size import annotation_counts, figure3_gain_by_size
from analysis.notes import missing_of_paper
from analysis.style import print_style, save
from job import run


def main(job: Any) -> None:
    sizes = annotation_counts([Path(path) for path in job.input.statistics])
    comparisons = pd.read_csv(job.input.significance)
    notes = missing_of_paper((entity, corpus) for entity, corpus in (data_set.split("/") for data_set in sizes))
    with print_style():
        figure = figure3_gain_by_size(comparisons, sizes, job.params.bins, notes)
        save(figure, job.output)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
