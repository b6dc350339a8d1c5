"""Random samples of the silver-standard corpus, one a class, from one pass (section 2.3).

The sample takes the documents of smallest hash rank, so one pass in constant memory draws it, and the same documents
come whatever their order.
"""

from __future__ import annotations

import gzip
import heapq
import json
import logging
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from corpora.archives import written_whole
from corpora.documents import CorpusError, Document, Mention
from corpora.splitting import rank

logger = logging.getLogger(__name__)


class PackedDocuments(Iterable[Document]):
    """Documents kept as compressed bytes, about a third of the size; with ``entity``, the mentions of that class.

    ``packed``, joined, are a sample's file: lines of JSON, each a member of the gzip file, with all classes' mentions.
    """

    def __init__(self, packed: list[bytes], entity: str | None = None) -> None:
        self.packed = packed
        self._entity = entity

    def __len__(self) -> int:
        return len(self.packed)

    def __iter__(self) -> Iterator[Document]:
        for packed in self.packed:
            yield _document(json.loads(gzip.decompress(packed)), self._entity)


def sample(
    documents: Iterable[Document], per_class: int, seed: int, entities: Sequence[str]
) -> dict[str, PackedDocuments]:
    """For each class ``per_class`` random documents with the mentions of that class alone, from one pass.

    A class takes the documents with the smallest ``rank(f"{seed}:{entity}", id)``, whether they have mentions of it or
    not; they come ordered by id. Of documents with the same id the first counts. Raises ValueError unless
    ``per_class`` is at least 1.
    """
    if per_class < 1:
        raise ValueError(f"documents: {per_class} cannot be drawn; ask for at least 1")
    # Dictionaries of texts and bytes, which the garbage collector passes over; it would go through a heap's tuples.
    drawn: dict[str, dict[str, bytes]] = {entity: {} for entity in entities}
    ends = dict.fromkeys(entities, 1 << 64)  # ranks below take part
    seen: set[str] = set()
    repeated = 0
    for document in documents:
        if document.id in seen:
            repeated += 1
            continue
        seen.add(document.id)
        packed = b""  # once for all classes that take it
        for entity, own in drawn.items():
            if rank(f"{seed}:{entity}", document.id) < ends[entity]:
                packed = packed or pack(document)
                own[document.id] = packed
                if len(own) > per_class + per_class // 4:
                    drawn[entity], ends[entity] = _lowest(own, per_class, f"{seed}:{entity}")
    if repeated:
        logger.warning("silver corpus: %d documents repeat the id of an earlier one and are left out", repeated)
    if len(seen) < per_class:
        logger.warning("silver corpus: %d documents asked for a class, only %d there", per_class, len(seen))
    samples = {}
    for entity, own in drawn.items():
        kept, _ = _lowest(own, per_class, f"{seed}:{entity}")
        samples[entity] = PackedDocuments([kept[identifier] for identifier in sorted(kept, key=_by_number)], entity)
    return samples


def _lowest(drawn: dict[str, bytes], count: int, seed: str) -> tuple[dict[str, bytes], int]:
    """The documents of the lowest ranks, that many, and the rank at which they end."""
    ranks = {identifier: rank(seed, identifier) for identifier in drawn}
    lowest = heapq.nsmallest(count, drawn, key=ranks.__getitem__)
    return {identifier: drawn[identifier] for identifier in lowest}, ranks[lowest[-1]] if lowest else 0


def _by_number(identifier: str) -> tuple[int, str]:
    """PubMed identifiers in the order of their numbers, before all other names."""
    return (int(identifier), identifier) if re.fullmatch("[0-9]{1,18}", identifier) else (10**18, identifier)


def write_sample(sampled: PackedDocuments, path: Path) -> None:
    """Write a sample as gzipped JSON lines, a document each; only cleaning reads it, and Brat takes much longer."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.writelines(sampled.packed)


def read_sample(path: Path, entity: str) -> Iterator[Document]:
    """Documents of a sample with the mentions of one class; raises CorpusError for a file that is none."""
    try:
        with gzip.open(path, "rb") as file:
            for line in file:
                yield _document(json.loads(line), entity)
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise CorpusError(path, None, f"cannot be read ({error})", "delete it and sample again") from error


def pack(document: Document) -> bytes:
    """A document as JSON, a line of its own, compressed."""
    mentions = [(mention.label, mention.spans) for mention in document.mentions]
    fields = [document.id, document.text, mentions, document.pmid, document.pmcid, document.split]
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"
    return gzip.compress(line.encode(), compresslevel=1, mtime=0)


def _document(fields: Any, entity: str | None) -> Document:
    identifier, text, marked, pmid, pmcid, split = fields
    mentions = tuple(
        Mention(label, tuple((start, end) for start, end in spans))
        for label, spans in marked
        if entity is None or label == entity
    )
    return Document(identifier, text, mentions, pmid, pmcid, split)
