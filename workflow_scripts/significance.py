"""Rule significance: tests of every data set, and over all of them."""

from pathlib import Path
from typing import Any

from analysis.formats import vectors_note, write_table
from analysis.notes import study_notes
from analysis.significance import over_data_sets, significance
from job import run


def main(job: Any) -> None:
    predictions = [Path(path) for path in job.input.predictions]
    table = significance(predictions, job.params.titles)
    notes = [*study_notes(predictions, job.params.titles), vectors_note(job.input.vectors)]
    write_table(table, job.output.data_sets, notes)
    write_table(over_data_sets(table), job.output.over_all, notes)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
