"""Rule sample_silver: documents of the silver-standard corpus for every class, in one pass (section 2.3)."""

from pathlib import Path
from typing import Any

from corpora.brat import write_brat, write_table
from corpora.convert import CorpusSpec, read_documents
from corpora.silver.sampling import sample
from job import run


def main(job: Any) -> None:
    params = job.params
    labels = {label: entity for entity, labels in params.entities.items() for label in labels}
    documents = read_documents(Path(job.input.native), CorpusSpec.from_settings(params.corpus), labels)
    samples = sample(documents, params.documents, params.seed, list(params.entities))
    for entity, brat, table in zip(params.entities, job.output.brat, job.output.tables, strict=True):
        write_table(Path(table), write_brat(samples[entity], Path(brat)))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
