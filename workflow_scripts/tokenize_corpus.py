"""Rules tokenize_corpus and tokenize_silver: Brat standoff to CoNLL, split by document (sections 2.6 and 2.7)."""

from pathlib import Path
from typing import Any

from corpora.brat import read_brat, read_table
from corpora.conll import tokenize_corpus
from corpora.splitting import assign_splits
from job import run


def main(job: Any) -> None:
    brat, table, params = Path(job.input.brat), Path(job.input.table), job.params
    documents = [(row.document, row.split) for row in read_table(table)]
    assignment = assign_splits(documents, policy=params.policy, percent=params.percent, seed=params.seed)
    tokenize_corpus(read_brat(brat, table), job.wildcards.entity, assignment, Path(job.output.train).parent)


if __name__ == "__main__":
    run(main, snakemake)  # type: ignore[name-defined]  # noqa: F821  (Snakemake puts it there)
