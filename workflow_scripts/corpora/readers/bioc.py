"""Reader of BioC, in XML and in JSON (Comeau et al. 2013), and of the Variome corpus's BioC (Verspoor et al. 2013)."""

# The bioc package gives no line numbers, lets a document type declaration reach the parser, and fails with Python's own
# errors for missing parts.

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from corpora.archives import Member, members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.elements import elements
from corpora.readers.jsons import field, load
from corpora.readers.standoff import REMEDY, TextColumn, in_order, numbers, read_whole, span, split_of

Repair = Callable[[str], tuple[str, int]]  # a text put right, and how many characters it lost at its beginning

_IGNORED = "** IGNORE LINE **\n"
_BESIDE = "annotations stand beside sentences that alone hold the passage's text, not in them"


class _Annotation(NamedTuple):
    label: str
    role: str
    text: str
    locations: list[tuple[str, str]]  # offset and length
    place: str
    line: int | None


class _Block(NamedTuple):
    """A passage or sentence."""

    separator: str
    offset: str
    text: str
    annotations: list[_Annotation]
    place: str
    line: int | None


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents in the order of the files, which are JSON where their name ends so, else XML.

    Passages are joined by newlines and their sentences, where they alone hold the text, by blanks; offsets are moved
    to that. The label is the infon ``type``, an annotation with several locations is discontinuous. As in CDR, an
    infon CompositeRole marks a composite mention, and its parts (IndividualMention) are passed over. A BioC id may be
    of any kind, so that it is never taken for a PMID. The split is what the file's name says.

    Raises CorpusError for what is no XML or JSON of this form, an annotation without a type or beside the sentences
    that hold the text, a location outside of its passage, and a source without documents.
    """
    return _read(source, patterns, lambda text: (text, 0))


def read_variome(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents of the Variome corpus as BioC: without the "IGNORE LINE" lines that open most of its texts.

    Where the texts have U+FFFD and "?" the offsets count one character, and so "?" alone is left. The PMCID begins the
    id.

    Errors as for ``read``.
    """
    for document in _read(source, patterns, _variome):
        digits = document.id.partition("-")[0]
        pmcid = digits.lstrip("0") if digits.isascii() and digits.isdigit() else ""
        yield replace(document, pmcid=pmcid)


def _variome(text: str) -> tuple[str, int]:
    text = text.replace("\ufffd?", "?")
    lost = 0
    while text.startswith(_IGNORED, lost):
        lost += len(_IGNORED)
    return text[lost:], lost


def _read(source: Path, patterns: Sequence[str], repair: Repair) -> Iterator[Document]:
    column = TextColumn()
    found = False
    for member in members(source, patterns):
        blocks = _json(member) if member.name.lower().endswith(".json") else _xml(member)
        for identifier, parts in blocks:
            found = True
            yield replace(_document(identifier, parts, repair, column), split=split_of(member.name))
    if not found:
        raise CorpusError(source, None, "holds no BioC documents", "correct `members` or `format`")
    column.report(source)


def _document(identifier: str, blocks: list[_Block], repair: Repair, column: TextColumn) -> Document:
    text = ""
    mentions = []
    for block in blocks:
        words, lost = repair(block.text)
        text += block.separator if text else ""
        if not block.offset.isascii() or not block.offset.isdigit() or len(block.offset) > 12:
            problem = f"offset {block.offset[:20]!r} is no whole number"
            raise CorpusError(block.place, block.line, problem, REMEDY)
        first = int(block.offset) + lost
        for annotation in block.annotations:
            place, line = annotation.place, annotation.line
            pairs = []
            for offset, length in annotation.locations:
                end = str(int(offset) + int(length)) if numbers(offset, length) else length
                pairs.append(span(offset, end, words, place, line, first=first))
            if not annotation.label or not pairs:
                problem = "an annotation has no infon 'type' or no location"
                raise CorpusError(place, line, problem, REMEDY)
            if annotation.role == "IndividualMention":
                continue
            spans = in_order(pairs, place, line)
            column.check(annotation.text, " ".join(words[start:end] for start, end in spans), place, line)
            moved = tuple((len(text) + start, len(text) + end) for start, end in spans)
            mentions.append(Mention(annotation.label, moved, composite=annotation.role == "CompositeMention"))
        text += words
    return Document(identifier, text, tuple(mentions))


def _xml(member: Member) -> Iterator[tuple[str, list[_Block]]]:
    for line, element in elements(member, "document", root="collection"):
        identifier = (element.findtext("id") or "").strip()
        if not identifier:
            raise CorpusError(member.place, line, "this <document> has no id", REMEDY)
        blocks = []
        for passage in element.findall("passage"):
            sentences = [] if passage.findtext("text") else passage.findall("sentence")
            if sentences and passage.find("annotation") is not None:
                raise CorpusError(member.place, line + passage.sourceline - 1, _BESIDE, REMEDY)
            for number, part in enumerate(sentences or [passage]):
                at = line + part.sourceline - 1
                found = [_xml_annotation(a, member.place, line) for a in part.iterfind(".//annotation")]
                words = "".join(text.itertext()) if (text := part.find("text")) is not None else ""
                offset = (part.findtext("offset") or "").strip()
                blocks.append(_Block(" " if number else "\n", offset, words, found, member.place, at))
        yield identifier, blocks


def _xml_annotation(element: Any, place: str, line: int) -> _Annotation:
    infons = {infon.get("key"): (infon.text or "").strip() for infon in element.findall("infon")}
    locations = [(location.get("offset", ""), location.get("length", "")) for location in element.findall("location")]
    stated = element.findtext("text") or ""
    role, label = infons.get("CompositeRole", ""), infons.get("type", "")
    return _Annotation(label, role, stated, locations, place, line + element.sourceline - 1)


def _json(member: Member) -> Iterator[tuple[str, list[_Block]]]:
    collection = load(read_whole(member.open(), member.place), member.place)
    for record in field(collection, "documents", list, member.place):
        identifier = record.get("id") if isinstance(record, dict) else None
        if not isinstance(identifier, str | int) or not str(identifier).strip():
            raise CorpusError(member.place, None, f"a document has the id {identifier!r}"[:80], "give it one")
        place = f"{member.place}, document {identifier}"
        blocks = []
        for passage in field(record, "passages", list, place, []):
            text = field(passage, "text", str, place, "")
            sentences = field(passage, "sentences", list, place, [])
            if not text and sentences and field(passage, "annotations", list, place, []):
                raise CorpusError(place, None, _BESIDE, REMEDY)
            for number, part in enumerate([passage] if text or not sentences else sentences):
                inner = [part, *field(part, "sentences", list, place, [])]
                found = [
                    _json_annotation(a, place) for one in inner for a in field(one, "annotations", list, place, [])
                ]
                offset = str(field(part, "offset", int, place))
                words = field(part, "text", str, place, "")
                blocks.append(_Block(" " if number else "\n", offset, words, found, place, None))
        yield str(identifier).strip(), blocks


def _json_annotation(record: Any, place: str) -> _Annotation:
    infons = field(record, "infons", dict, place, {})
    locations = [
        (str(field(location, "offset", int, place)), str(field(location, "length", int, place)))
        for location in field(record, "locations", list, place)
    ]
    role, label = field(infons, "CompositeRole", str, place, ""), field(infons, "type", str, place, "")
    return _Annotation(label, role, field(record, "text", str, place, ""), locations, place, None)
