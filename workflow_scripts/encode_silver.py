"""Rule encode_silver: a CoNLL file of the silver-standard corpus as arrays that a training maps into memory."""

from pathlib import Path
from typing import Any

from job import run
from model.corpus import write_arrays


def main(job: Any) -> None:
    write_arrays(Path(job.input.conll), Path(job.output.arrays))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
