"""Reader of Brat standoff: pairs of ``<id>.txt`` and ``<id>.ann`` (https://brat.nlplab.org/standoff.html)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from corpora.archives import members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import HELD_BYTES, REMEDY, TextColumn, decode, in_order, read_whole, span, split_of

logger = logging.getLogger(__name__)

_IGNORED = tuple("REAMN#*")  # relations, events, attributes, modifications, normalisations, notes, equivalences


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents of a folder or archive, in its order; the id is the file's stem, the split what its folder's name says.

    The halves of a document may lie apart in an archive: only halves without their other half are held. A text
    without annotations is a document without mentions; these come last. Labels are those of the source.

    Raises CorpusError for a lone ``.ann``, an id that comes twice, a line that cannot be read, a span outside of
    the text, and a file that is not UTF-8.
    """
    column = TextColumn()
    for document in texts_and_annotations(source, patterns):
        mentions = parse_annotations(document.annotations, document.text, f"{document.place}.ann", column)
        yield Document(document.id, document.text, mentions, split=document.split)
    column.report(source)


class Pair(NamedTuple):
    """A text and its ``.ann`` file, both decoded; ``place`` is where they are, without their endings."""

    id: str
    text: str
    annotations: str
    place: str
    split: str


def texts_and_annotations(source: Path, patterns: Sequence[str]) -> Iterator[Pair]:
    """The documents of a folder or archive as ``read`` finds them, with their annotations not yet parsed."""
    halves: dict[str, tuple[str, str, str, bytes]] = {}
    waiting = 0  # bytes of them
    places: dict[str, str] = {}
    for member in members(source, patterns):
        name = PurePosixPath(member.name)
        if name.suffix not in (".txt", ".ann"):
            continue
        data = read_whole(member.open(), member.place)
        key = member.place.removesuffix(".gz").removesuffix(name.suffix)
        other = halves.pop(key, None)
        if other is None:
            halves[key] = (member.name, member.place, name.suffix, data)
            waiting += len(data)
            if waiting > HELD_BYTES:
                problem = f"the files up to this one without their other half have more than {HELD_BYTES} bytes"
                raise CorpusError(member.place, None, problem, "pack each .txt beside its .ann, or give a folder")
            continue
        waiting -= len(other[3])
        if other[2] == name.suffix:
            raise CorpusError(member.place, None, "is twice in the archive", "pack the archive anew")
        text, annotations = (other[3], data) if name.suffix == ".ann" else (data, other[3])
        yield _pair(member.name, key, text, annotations, places)
    unannotated = 0
    for key, (name_, place, suffix, data) in halves.items():
        if suffix == ".ann":
            raise CorpusError(place, None, "has no .txt beside it", "add the text or remove the file")
        unannotated += 1
        yield _pair(name_, key, data, b"", places)
    if not places:
        raise CorpusError(source, None, "holds no .txt files that match", "correct `members` or `format`")
    if unannotated:
        logger.warning("%s: %d texts without an .ann file, read as documents without mentions", source, unannotated)


def _pair(name: str, key: str, text: bytes, annotations: bytes, places: dict[str, str]) -> Pair:
    path = PurePosixPath(name)
    if path.stem in places:
        problem = f"document {path.stem!r} is already at {places[path.stem]}.txt"
        raise CorpusError(f"{key}.txt", None, problem, "narrow `members` or rename the file")
    places[path.stem] = key
    return Pair(path.stem, decode(text, f"{key}.txt"), decode(annotations, f"{key}.ann"), key, split_of(path.parent))


def parse_annotations(annotations: str, text: str, place: str, column: TextColumn) -> tuple[Mention, ...]:
    """Mentions of an ``.ann`` file, in its order; ``place`` names the file in messages."""
    mentions = []
    for line in text_bound(annotations, place):
        spans = in_order((span(start, end, text, place, line.number) for start, end in line.spans), place, line.number)
        column.check(line.column, " ".join(text[start:end] for start, end in spans), place, line.number)
        mentions.append(Mention(line.label, spans))
    return tuple(mentions)


class TextBound(NamedTuple):
    """A ``T`` line: its number, label, offsets as they stand there, and text column."""

    number: int
    label: str
    spans: list[tuple[str, str]]
    column: str


def text_bound(annotations: str, place: str) -> Iterator[TextBound]:
    """The ``T`` lines of an ``.ann`` file; raises CorpusError for a line that is no annotation."""
    for number, line in enumerate(annotations.removeprefix("\ufeff").split("\n"), start=1):
        line = line.removesuffix("\r")
        if line.startswith("T"):
            fields = line.split("\t", 2)
            label, _, offsets = fields[1].partition(" ") if len(fields) == 3 else ("", "", "")
            pairs = [pair.partition(" ") for pair in offsets.split(";")]
            if not label or not all(separator for _, separator, _ in pairs):
                problem = f"{line[:80]!r} does not read as T1<tab>LABEL start end<tab>text"
                raise CorpusError(place, number, problem, REMEDY)
            yield TextBound(number, label, [(start, end) for start, _, end in pairs], fields[2])
        elif line.strip() and not line.startswith(_IGNORED):
            raise CorpusError(place, number, f"{line[:80]!r} is no Brat annotation", REMEDY)
