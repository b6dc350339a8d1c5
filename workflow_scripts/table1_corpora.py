"""Rule table1_corpora: Table 1, the gold-standard corpora."""

from pathlib import Path
from typing import Any

from analysis.formats import write_table
from analysis.tables import table1_corpora
from job import run


def main(job: Any) -> None:
    table = table1_corpora([Path(path) for path in job.input.statistics], job.params.titles)
    write_table(table, job.output)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
