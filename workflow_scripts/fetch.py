"""Rule fetch: a source's files, downloaded or copied from a local path."""

from pathlib import Path
from typing import Any

from corpora.fetch import fetch
from job import run


def main(job: Any) -> None:
    native = Path(job.output.native)
    fetch(
        native,
        path=Path(job.params.path) if job.params.path else None,
        files=job.params.files,
        checksums=native.parent.with_name("checksums") / f"{native.name}.tsv",  # no output: it outlives the download
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
