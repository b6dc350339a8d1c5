"""Reader of Brat standoff: pairs of ``<id>.txt`` and ``<id>.ann`` (https://brat.nlplab.org/standoff.html)."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from corpora.archives import members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import REMEDY, SPLITS, TextColumn, decode, in_order, read_whole, span

logger = logging.getLogger(__name__)

_IGNORED = tuple("REAMN#*")  # relations, events, attributes, modifications, normalisations, notes, equivalences


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents of a folder or archive, in its order; the id is the file's stem, the split the name of its folder.

    The halves of a document may lie apart in an archive: only halves without their other half are held. A text
    without annotations is a document without mentions; these come last. Labels are those of the source.

    Raises CorpusError for a lone ``.ann``, an id that comes twice, a line that cannot be read, a span outside of
    the text, and a file that is not UTF-8.
    """
    halves: dict[str, tuple[str, str, str, bytes]] = {}
    places: dict[str, str] = {}
    column = TextColumn()
    for member in members(source, patterns):
        name = PurePosixPath(member.name)
        if name.suffix not in (".txt", ".ann"):
            continue
        data = read_whole(member.open(), member.place)
        key = member.place.removesuffix(name.suffix)
        other = halves.pop(key, None)
        if other is None:
            halves[key] = (member.name, member.place, name.suffix, data)
            continue
        if other[2] == name.suffix:
            raise CorpusError(member.place, None, "is twice in the archive", "pack the archive anew")
        text, annotations = (other[3], data) if name.suffix == ".ann" else (data, other[3])
        yield _document(member.name, key, text, annotations, places, column)
    unannotated = 0
    for key, (name_, place, suffix, data) in halves.items():
        if suffix == ".ann":
            raise CorpusError(place, None, "has no .txt beside it", "add the text or remove the file")
        unannotated += 1
        yield _document(name_, key, data, b"", places, column)
    if not places:
        raise CorpusError(source, None, "holds no .txt files that match", "correct `members` or `format`")
    if unannotated:
        logger.warning("%s: %d texts without an .ann file, read as documents without mentions", source, unannotated)
    column.report(source)


def _document(
    name: str, key: str, text: bytes, annotations: bytes, places: dict[str, str], column: TextColumn
) -> Document:
    path = PurePosixPath(name)
    if path.stem in places:
        problem = f"document {path.stem!r} is already at {places[path.stem]}.txt"
        raise CorpusError(f"{key}.txt", None, problem, "narrow `members` or rename the file")
    places[path.stem] = key
    decoded = decode(text, f"{key}.txt")
    mentions = parse_annotations(decode(annotations, f"{key}.ann"), decoded, f"{key}.ann", column)
    return Document(path.stem, decoded, mentions, split=SPLITS.get(path.parent.name.lower(), ""))


def parse_annotations(annotations: str, text: str, place: str, column: TextColumn) -> tuple[Mention, ...]:
    """Mentions of an ``.ann`` file, in its order; ``place`` names the file in messages."""
    mentions = []
    for number, line in enumerate(annotations.removeprefix("\ufeff").split("\n"), start=1):
        line = line.removesuffix("\r")
        if line.startswith("T"):
            mentions.append(_mention(line, text, place, number, column))
        elif line.strip() and not line.startswith(_IGNORED):
            raise CorpusError(place, number, f"{line[:80]!r} is no Brat annotation", REMEDY)
    return tuple(mentions)


def _mention(line: str, text: str, place: str, number: int, column: TextColumn) -> Mention:
    fields = line.split("\t", 2)
    label, _, offsets = fields[1].partition(" ") if len(fields) == 3 else ("", "", "")
    pairs = [pair.split(" ") for pair in offsets.split(";")]
    if not label or any(len(pair) != 2 for pair in pairs):
        problem = f"{line[:80]!r} does not read as T1<tab>LABEL start end<tab>text"
        raise CorpusError(place, number, problem, REMEDY)
    spans = in_order((span(start, end, text, place, number) for start, end in pairs), place, number)
    column.check(fields[2], " ".join(text[start:end] for start, end in spans), place, number)
    return Mention(label, spans)
