"""Rule figure1_architecture: Figure 1, the architecture from the configured sizes."""

from typing import Any

from analysis.architecture import Sizes, figure1_architecture
from analysis.style import print_style, save
from job import run


def main(job: Any) -> None:
    sizes = Sizes.from_settings(job.params.tagger, job.params.token_dimension)
    with print_style():
        save(figure1_architecture(sizes), job.output)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
