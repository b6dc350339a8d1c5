"""Rule pretrain: train a class's source tagger on the silver-standard corpus (section 2.1.1)."""

from pathlib import Path
from typing import Any

from job import run
from model.runs import run as train


def main(job: Any) -> None:
    train(
        Path(job.output[0]).parent,
        train_file=Path(job.input.train),
        dev_file=Path(job.input.dev),
        vectors=Path(job.input.vectors[0]).parent,
        tagger=job.params.tagger,
        training=job.params.training,
        seed=int(job.wildcards.seed),
        threads=job.threads,
        name=f"{job.wildcards.entity} source seed {job.wildcards.seed}",
        checkpoint=Path(job.params.checkpoint),
        code=job.params.code[0],
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
