"""Rule error_analysis: kinds of errors, strings gained and lost, and seen and unseen mentions of one data set."""

from pathlib import Path
from typing import Any

from analysis.error_analysis import error_kinds, read_data_set, seen_and_unseen, strings_gained_and_lost
from analysis.formats import vectors_note, write_table
from analysis.notes import run_notes
from job import run


def main(job: Any) -> None:
    predictions = [Path(path) for path in job.input.predictions]
    data = read_data_set(predictions, Path(job.input.train), Path(job.input.brat))
    notes = [*run_notes(predictions), vectors_note(job.input.vectors)]
    write_table(error_kinds(data), job.output.kinds, notes)
    write_table(strings_gained_and_lost(data), job.output.strings, notes)
    write_table(seen_and_unseen(data), job.output.seen, notes)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
