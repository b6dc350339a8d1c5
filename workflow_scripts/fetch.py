"""Rule fetch: a source's files, downloaded or copied from a local path."""

from pathlib import Path
from typing import Any

from corpora.fetch import fetch
from job import run


def main(job: Any) -> None:
    fetch(
        Path(job.output.native),
        path=Path(job.params.path) if job.params.path else None,
        urls=job.params.urls,
        sha256=job.params.sha256,
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
