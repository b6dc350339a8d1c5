"""Random samples of the silver-standard corpus, one a class, from one pass (section 2.3).

The sample takes the documents of smallest hash rank, so one pass in constant memory draws it, and the same documents
come whatever their order.
"""

from __future__ import annotations

import gzip
import heapq
import json
import logging
import multiprocessing
import os
import re
import threading
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from corpora.archives import written_whole
from corpora.documents import CorpusError, Document, Mention
from corpora.splitting import rank

logger = logging.getLogger(__name__)

_GZIP = 31  # zlib's window bits for a gzip file, which then has no time in it
FORK = multiprocessing.get_context("fork")  # so that what reads a share need not be sent to its process


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
            yield _document(json.loads(zlib.decompress(packed, wbits=_GZIP)), self._entity)


class Drawn(NamedTuple):
    """Each class's documents out of a share of a corpus, by id; every id's place in the corpus; how many ids repeat."""

    documents: dict[str, dict[str, bytes]]
    places: dict[str, int]
    repeated: int


def sample(
    share: Callable[[int], Iterable[Document]], shares: int, per_class: int, seed: int, entities: Sequence[str]
) -> dict[str, PackedDocuments]:
    """For each class ``per_class`` random documents with the mentions of that class alone, from one pass.

    ``share(i)`` gives documents i, i + shares, i + 2 * shares and so on of a corpus; each share is read by a process.
    A class takes the documents with the smallest ``rank(f"{seed}:{entity}", id)``, whether they have mentions of it or
    not; they come ordered by id. Of documents with the same id the first counts. Raises ValueError unless
    ``per_class`` is at least 1, and what reading a share raises.
    """
    if per_class < 1:
        raise ValueError(f"documents: {per_class} cannot be drawn; ask for at least 1")
    pipes = [FORK.Pipe(duplex=False) for _ in range(1, shares)]
    for index, (_, sender) in enumerate(pipes, start=1):
        work = partial(_draw, share, index, shares, per_class, seed, entities)
        FORK.Process(target=_send, args=(work, sender), daemon=True).start()
        sender.close()
    drawn = [_draw(share, 0, shares, per_class, seed, entities), *(_received(receiver) for receiver, _ in pipes)]
    return _combined(drawn, per_class, seed)


def _send(work: Callable[[], Drawn], sender: Connection) -> None:
    threading.Thread(target=_end_with_the_job, daemon=True).start()
    try:
        sender.send(work())
    except CorpusError as error:
        sender.send(error)


def _end_with_the_job() -> None:
    """End this process when the one that began it does, however: it has that one's lock, and may wait to be heard."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _received(receiver: Connection) -> Drawn:
    try:
        received: Drawn | CorpusError = receiver.recv()
    except EOFError as error:
        raise OSError("the process that read a share of the silver corpus was ended; run it again") from error
    if isinstance(received, CorpusError):
        raise received
    return received


def _draw(
    share: Callable[[int], Iterable[Document]],
    index: int,
    shares: int,
    per_class: int,
    seed: int,
    entities: Sequence[str],
) -> Drawn:
    # Dictionaries of texts and bytes, which the garbage collector passes over; it would go through a heap's tuples.
    drawn: dict[str, dict[str, bytes]] = {entity: {} for entity in entities}
    ends = dict.fromkeys(entities, 1 << 64)  # ranks below take part
    places: dict[str, int] = {}
    repeated = 0
    # A reader that passes over a broken document moves the places after it, which decide between repeated ids alone.
    for place, document in zip(count(index, shares), share(index), strict=False):
        if document.id in places:
            repeated += 1
            continue
        places[document.id] = place
        packed = b""  # once for all classes that take it
        for entity, own in drawn.items():
            if rank(f"{seed}:{entity}", document.id) < ends[entity]:
                packed = packed or pack(document)
                own[document.id] = packed
                if len(own) > per_class + per_class // 4:
                    drawn[entity], ends[entity] = _lowest(own, per_class, f"{seed}:{entity}")
    return Drawn(drawn, places, repeated)


def _combined(shares: Sequence[Drawn], per_class: int, seed: int) -> dict[str, PackedDocuments]:
    places: dict[str, int] = {}
    for drawn in shares:
        for identifier, place in drawn.places.items():
            places[identifier] = min(place, places.get(identifier, place))
    if repeated := sum(len(drawn.places) + drawn.repeated for drawn in shares) - len(places):
        logger.warning("silver corpus: %d documents repeat the id of an earlier one and are left out", repeated)
    if len(places) < per_class:
        logger.warning("silver corpus: %d documents asked for a class, only %d there", per_class, len(places))
    samples = {}
    for entity in shares[0].documents:
        # A document that its own share gave up has too high a rank for the whole as well, and so has its repetition.
        first = {
            identifier: packed
            for drawn in shares
            for identifier, packed in drawn.documents[entity].items()
            if drawn.places[identifier] == places[identifier]
        }
        kept, _ = _lowest(first, per_class, f"{seed}:{entity}")
        samples[entity] = PackedDocuments([kept[identifier] for identifier in sorted(kept, key=_by_number)], entity)
    return samples


def _lowest(drawn: dict[str, bytes], size: int, seed: str) -> tuple[dict[str, bytes], int]:
    """The documents of the lowest ranks, that many, and the rank at which they end."""
    ranks = {identifier: rank(seed, identifier) for identifier in drawn}
    lowest = heapq.nsmallest(size, drawn, key=ranks.__getitem__)
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
            if not file.peek(1):
                raise ValueError("it is empty")
            for line in file:
                yield _document(json.loads(line), entity)
    except (OSError, EOFError, zlib.error, ValueError, TypeError) as error:
        raise CorpusError(path, None, f"cannot be read ({error})", "delete it and sample again") from error


def pack(document: Document) -> bytes:
    """A document as JSON, a line of its own, compressed."""
    mentions = [(mention.label, mention.spans) for mention in document.mentions]
    fields = [document.id, document.text, mentions, document.pmid, document.pmcid, document.split]
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":")) + "\n"
    return zlib.compress(line.encode(), level=1, wbits=_GZIP)


def _document(fields: Any, entity: str | None) -> Document:
    identifier, text, marked, pmid, pmcid, split = fields
    mentions = tuple(
        Mention(label, tuple((start, end) for start, end in spans))
        for label, spans in marked
        if entity is None or label == entity
    )
    return Document(identifier, text, mentions, pmid, pmcid, split)
