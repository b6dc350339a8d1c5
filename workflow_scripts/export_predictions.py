"""Rule export_predictions: a run's predictions on its test set as Brat standoff."""

from pathlib import Path
from typing import Any

from corpora.export import predictions_to_brat
from job import run


def main(job: Any) -> None:
    inputs = job.input
    predictions_to_brat(Path(inputs.predictions), Path(inputs.brat), Path(inputs.table), Path(job.output.brat))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
