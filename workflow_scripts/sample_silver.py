"""Rule sample_silver: documents of the silver-standard corpus for every class, in one pass (section 2.3)."""

from pathlib import Path
from typing import Any

from corpora.convert import CorpusSpec, read_documents
from corpora.silver.sampling import sample, write_sample
from job import run


def main(job: Any) -> None:
    params = job.params
    labels = {label: entity for entity, labels in params.entities.items() for label in labels}
    documents = read_documents(Path(job.input.native), CorpusSpec.from_settings(params.corpus), labels)
    samples = sample(documents, params.documents, params.seed, list(params.entities))
    for entity, path in zip(params.entities, job.output.samples, strict=True):
        write_sample(samples[entity], Path(path))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
