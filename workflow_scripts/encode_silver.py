"""Rule encode_silver: the CoNLL files of the silver-standard corpus as arrays that a training maps into memory."""

from pathlib import Path
from typing import Any

from job import run
from model.corpus import write_arrays


def main(job: Any) -> None:
    for part in ("train", "dev"):
        write_arrays(Path(job.input[part]), Path(job.output[part]))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
