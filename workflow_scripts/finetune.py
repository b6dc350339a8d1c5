"""Rule finetune: train a tagger on a gold-standard corpus, with or without the source tagger's parameters."""

from pathlib import Path
from typing import Any

from job import run
from model.runs import run as train


def main(job: Any) -> None:
    wildcards = job.wildcards
    train(
        Path(job.output[0]).parent,
        train_file=Path(job.input.train),
        dev_file=Path(job.input.dev),
        test_file=Path(job.input.test),
        vectors=Path(job.input.vectors[0]).parent,
        source=Path(job.input.source[0]).parent if job.input.source else None,
        layers=job.params.layers,
        train_fraction=job.params.train_fraction,
        tagger=job.params.tagger,
        training=job.params.training,
        seed=int(wildcards.seed),
        threads=job.threads,
        name=f"{wildcards.entity} {wildcards.corpus} {wildcards.regime} {wildcards.share} % seed {wildcards.seed}",
        checkpoint=Path(job.params.checkpoint),
        code=job.params.code[0],
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
