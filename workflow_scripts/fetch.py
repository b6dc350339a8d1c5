"""Rule fetch: a source's files, downloaded or copied from a local path."""

from pathlib import Path
from typing import Any

from corpora.documents import CorpusError
from corpora.fetch import fetch
from job import run
from sources import or_else, source_of


def main(job: Any) -> None:
    native = Path(job.output.native)
    path = Path(job.params.path) if job.params.path else None
    checksums = native.parent.with_name("checksums") / f"{native.name}.tsv"  # no output: it outlives the download
    try:
        fetch(native, path=path, files=job.params.files, checksums=checksums)
    except CorpusError as error:
        # Not among the params: another wording is no reason to fetch again.
        remedy = "" if path else or_else(job.wildcards.name, source_of(job.config, job.wildcards.name))
        raise ValueError(f"{error}{remedy}") from error


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
