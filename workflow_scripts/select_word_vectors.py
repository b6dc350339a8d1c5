"""Rule select_word_vectors: the vectors of the words that occur in a data set, as one matrix (section 2.4)."""

from pathlib import Path
from typing import Any

from corpora.archives import fetched_file
from corpora.vectors import select_word_vectors
from job import run


def main(job: Any) -> None:
    select_word_vectors(
        fetched_file(Path(job.input.vectors)),
        [Path(path) for path in job.input.conll],
        Path(job.output.words),
        Path(job.output.matrix),
        Path(job.output.description),
        dimension=job.params.dimension,
        training=job.params.training,
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
