"""Predicted mentions as Brat standoff, beside the text that they were predicted in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from corpora.brat import read_brat, write_brat
from corpora.conll import predictions_to_mentions
from corpora.documents import CorpusError, Document


def predictions_to_brat(predictions: Path, brat: Path, table: Path, destination: Path) -> int:
    """Write the documents of a file of predictions to the folder ``destination``, with the predicted mentions.

    ``brat`` and ``table`` are the gold corpus, which has the texts. Gives the number of documents. Raises CorpusError
    for a damaged file of predictions and for a document or an offset that the corpus does not have.
    """
    mentions = predictions_to_mentions(predictions)

    def documents() -> Iterator[Document]:
        for document in read_brat(brat, table):
            predicted = mentions.pop(document.id, None)
            if predicted is None:
                continue
            if any(mention.end > len(document.text) for mention in predicted):
                problem = f"document {document.id} has a mention beyond the end of its text"
                raise CorpusError(predictions, None, problem, "predict again on this corpus")
            yield replace(document, mentions=predicted)
        if mentions:
            problem = f"document {min(mentions)} is not in {brat}"
            raise CorpusError(predictions, None, problem, "predict again on this corpus")

    return len(write_brat(documents(), destination))
