"""Rule collect_scores: the scores of all runs in one table."""

from pathlib import Path
from typing import Any

from analysis.scores import collect_scores
from job import run


def main(job: Any) -> None:
    collect_scores([Path(path) for path in job.input.metrics]).to_csv(job.output.scores, index=False)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
