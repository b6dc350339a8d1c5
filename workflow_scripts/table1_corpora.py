"""Rule table1_corpora: Table 1, the gold-standard corpora."""

import logging
from pathlib import Path
from typing import Any

from analysis.formats import write_table
from analysis.table1 import missing_rows, table1_corpora
from job import run


def main(job: Any) -> None:
    table = table1_corpora([Path(path) for path in job.input.counts], job.params.titles)
    missing = missing_rows(table, job.params.left_out)
    if missing:
        logging.getLogger(__name__).warning("%s", missing)
    write_table(table, [job.output.csv, job.output.md, job.output.tex], [missing] if missing else [])


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
