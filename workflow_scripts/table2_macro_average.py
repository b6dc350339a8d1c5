"""Rule table2_macro_average: Table 2, both regimes averaged over the corpora of a class."""

from pathlib import Path
from typing import Any

from analysis.formats import vectors_note, write_table
from analysis.notes import study_notes
from analysis.scores import collect_scores
from analysis.tables import table2_macro_average
from job import run


def main(job: Any) -> None:
    metrics = [Path(path) for path in job.input.metrics]
    scores = collect_scores(metrics)
    notes = [*study_notes(metrics, job.params.titles), vectors_note(job.input.vectors)]
    write_table(table2_macro_average(scores), job.output, notes)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
