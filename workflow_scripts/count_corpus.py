"""Rule count_corpus: what Table 1 says of a corpus."""

from pathlib import Path
from typing import Any

from corpora.brat import read_brat
from corpora.counting import count_corpus
from job import run


def main(job: Any) -> None:
    count_corpus(read_brat(Path(job.input.brat), Path(job.input.table)), Path(job.output.counts))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
