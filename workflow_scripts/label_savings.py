"""Rule label_savings: the share without transfer that equals the smallest with it (section 3.2)."""

from pathlib import Path
from typing import Any

from analysis.formats import vectors_note, write_table
from analysis.label_savings import label_savings
from analysis.notes import not_in_study, seeds_notes
from analysis.scores import collect_scores, spread
from job import run


def main(job: Any) -> None:
    scores = collect_scores([Path(path) for path in job.input.metrics])
    notes = [*seeds_notes(spread(scores)), *not_in_study(job.params.left_out, job.params.titles)]
    notes.append(vectors_note(job.input.vectors))
    write_table(label_savings(scores, job.params.titles), job.output, notes)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
