"""Rule figure4_error_overlap: Figure 4, overlap of the decisions of both regimes, and its numbers as a table."""

from pathlib import Path
from typing import Any

from analysis.error_overlap import error_overlap, figure4_error_overlap
from analysis.formats import vectors_note, write_table
from analysis.notes import study_notes
from analysis.style import print_style, save
from job import run


def main(job: Any) -> None:
    predictions = [Path(path) for path in job.input.predictions]
    overlap = error_overlap(predictions)
    notes = study_notes(predictions, job.params.titles)
    with print_style():
        save(figure4_error_overlap(overlap, notes), job.output.figure)
    write_table(overlap, job.output.table, [*notes, vectors_note(job.input.vectors)])


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
