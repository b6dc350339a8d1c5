"""Rule convert_corpus: one class of a corpus from its native format to Brat standoff (section 2.6)."""

from pathlib import Path
from typing import Any

from corpora.convert import CorpusSpec, convert
from job import run


def main(job: Any) -> None:
    convert(
        Path(job.input.native),
        CorpusSpec.from_settings(job.params.corpus),
        job.wildcards.entity,
        job.params.labels,
        folder=Path(job.output.brat),
        table=Path(job.output.table),
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
