"""Rule write_page: the report as one HTML file."""

from pathlib import Path
from typing import Any

from analysis.page.build import write_page
from analysis.page.documents import DataSet
from job import run


def main(job: Any) -> None:
    share, seed = job.params.shown_run.split("/")

    def predictions(entity: str, corpus: str, regime: str) -> Path | None:
        found = Path("results/runs", entity, corpus, regime, share, seed, "predictions.tsv")
        return found if regime in job.params.regimes else None

    write_page(
        Path(job.output.page),
        results=Path("results"),
        tables=[Path(file) for file in job.input.tables],
        figures=[Path(file) for file in job.input.figures],
        captions=[Path(file) for file in job.input.captions],
        runs=[Path(folder) for folder in job.params.runs],
        sources=[Path(folder) for folder in job.params.sources],
        data_sets=[
            DataSet(
                entity,
                corpus,
                predictions(entity, corpus, "baseline"),
                predictions(entity, corpus, "transfer"),
                Path("results/brat", entity, corpus),
            )
            for entity, corpus in job.params.data_sets
        ],
        compared_runs=f"runs of {share.removeprefix('share')} percent of a corpus, seed {seed.removeprefix('seed')}",
        config=job.params.config,
        lock=Path(job.input.lock),
        command=job.params.command,
    )


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
