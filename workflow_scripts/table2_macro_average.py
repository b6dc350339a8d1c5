"""Rule table2_macro_average: Table 2, both regimes averaged over the corpora of a class."""

from pathlib import Path
from typing import Any

from analysis.scores import read_scores
from analysis.tables import table2_macro_average, write_table
from job import run


def main(job: Any) -> None:
    write_table(table2_macro_average(read_scores(Path(job.input.scores))), Path(job.output.csv), Path(job.output.md))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
