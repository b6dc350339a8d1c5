"""Rule error_reduction: the average reduction in error (section 2.7)."""

from pathlib import Path
from typing import Any

from analysis.formats import vectors_note, write_table
from analysis.notes import study_notes
from analysis.scores import collect_scores
from analysis.tables import table_error_reduction
from job import run


def main(job: Any) -> None:
    metrics = [Path(path) for path in job.input.metrics]
    scores = collect_scores(metrics)
    notes = [*study_notes(metrics, job.params.titles), vectors_note(job.input.vectors)]
    write_table(table_error_reduction(scores, job.params.titles), job.output, notes)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
