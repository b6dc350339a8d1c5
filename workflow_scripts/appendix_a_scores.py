"""Rule appendix_a_scores: Appendix A, the scores of every data set."""

from pathlib import Path
from typing import Any

import pandas as pd

from analysis.formats import vectors_note, write_table
from analysis.notes import study_notes
from analysis.scores import collect_scores
from analysis.tables import appendix_a_scores
from job import run


def main(job: Any) -> None:
    metrics = [Path(path) for path in job.input.metrics]
    scores = collect_scores(metrics)
    table = appendix_a_scores(scores, pd.read_csv(job.input.significance), job.params.titles)
    notes = [*study_notes(metrics, job.params.titles), vectors_note(job.input.vectors)]
    write_table(table, job.output, notes)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
