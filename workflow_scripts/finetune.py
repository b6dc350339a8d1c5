"""Rule finetune: train a tagger on a gold-standard corpus, with or without the source tagger's parameters."""

from pathlib import Path
from typing import Any

from job import run
from model.runs import finetune


def main(job: Any) -> None:
    wildcards = job.wildcards
    finetune(
        train=Path(job.input.train),
        dev=Path(job.input.dev),
        test=Path(job.input.test),
        words=Path(job.input.words),
        vectors=Path(job.input.vectors),
        output=Path(job.output[0]).parent,
        source=Path(job.input.source[0]).parent if job.input.source else None,
        layers=job.params.layers,
        train_fraction=job.params.train_fraction,
        tagger=job.params.tagger,
        training=job.params.training,
        seed=int(wildcards.seed),
        threads=job.threads,
        name=f"{wildcards.entity} {wildcards.corpus} {wildcards.regime} {wildcards.share} % seed {wildcards.seed}",
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
