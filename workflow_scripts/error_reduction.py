"""Rule error_reduction: the average reduction in F1 error (section 2.7)."""

from pathlib import Path
from typing import Any

from analysis.scores import read_scores
from analysis.tables import table_error_reduction, write_table
from job import run


def main(job: Any) -> None:
    table = table_error_reduction(read_scores(Path(job.input.scores)), job.params.titles)
    write_table(table, Path(job.output.csv), Path(job.output.md))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
