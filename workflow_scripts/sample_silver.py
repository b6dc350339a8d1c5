"""Rule sample_silver: documents of the silver-standard corpus for every class, in one pass (section 2.3)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from corpora.convert import CorpusSpec, read_documents
from corpora.documents import CorpusError, Document
from corpora.silver.sampling import sample, write_sample
from job import run


def main(job: Any) -> None:
    params = job.params
    labels = {label: entity for entity, labels in params.entities.items() for label in labels}
    native, spec = Path(job.input.native), CorpusSpec.from_settings(params.corpus)

    def share(index: int) -> Iterator[Document]:
        return read_documents(native, spec, labels, share=(index, shares) if shares > 1 else None)

    shares = job.threads if spec.format == "iexml" else 1  # the other readers know no shares
    samples = sample(share, shares, params.draw["documents"], params.draw["seed"], list(params.entities))
    for entity, wanted in params.entities.items():
        if not any(document.mentions for document in samples[entity]):
            problem = f"none of {len(samples[entity])} sampled documents has a mention labelled {' or '.join(wanted)}"
            raise CorpusError(native, None, problem, f"correct `silver.corpus.entities`, {entity}")
    for entity, path in zip(params.entities, job.output.samples, strict=True):
        write_sample(samples[entity], Path(path))


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
