"""Rule train_word_vectors: word2vec on the text of the study's corpora."""

from pathlib import Path
from typing import Any

from corpora.train_vectors import train_word_vectors
from job import run


def main(job: Any) -> None:
    train_word_vectors(
        [Path(path) for path in job.input.conll],
        Path(job.output.vectors),
        dimension=job.params.dimension,
        threads=1,  # gensim's result depends on the order in which its threads run
        **job.params.training,
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
