"""Reader of tagtog's anndoc: ``.plain.html`` texts and ``.ann.json`` annotations, as LocText has them.

Each ``.ann.json`` entity names a part of the text by its id (``s1h1`` a title, ``s2p1`` a paragraph) and gives the
start in it and the text (https://docs.tagtog.com/anndoc.html; Goldberg et al. 2015).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from lxml import etree

from corpora.archives import Member, members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.elements import elements
from corpora.readers.jsons import field, load
from corpora.readers.standoff import HELD_BYTES, REMEDY, TextColumn, in_order, read_whole, span

_TEXT, _ANNOTATIONS = ".plain.html", ".ann.json"
_PART = re.compile(r"s\d+(?:[a-z]+\d+)+")

Parts = dict[str, tuple[int, str]]  # id of a part: where it starts in the text, and its text


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents in the order of their texts; parts are joined by newlines.

    The id is the file's name without its two endings; the PMID is what ``.ann.json`` gives under ``sources``. Labels
    are tagtog's ``classId``. The heading of the abstract, which tagtog adds, is no part of the text.

    Raises CorpusError for halves without their other half, what is no XHTML or JSON of this form, an unknown part and
    a span outside of it.
    """
    texts: dict[str, tuple[str, str, Parts]] = {}
    annotations: dict[str, tuple[str, Any]] = {}
    size = 0
    for member in members(source, patterns):
        stem = member.name.rpartition("/")[2]
        known: dict[str, Any] = texts if stem.endswith(_TEXT) else annotations
        ending = _TEXT if stem.endswith(_TEXT) else _ANNOTATIONS
        if not stem.endswith(ending):
            continue
        identifier = stem.removesuffix(ending)
        if identifier in known:
            raise CorpusError(member.place, None, f"document {identifier!r} comes twice", "narrow `members`")
        if ending == _TEXT:
            texts[identifier] = (member.place, *_text(member))
            size += 4 * len(texts[identifier][1])
        else:
            data = read_whole(member.open(), member.place)
            annotations[identifier] = (member.place, load(data, member.place))
            size += 10 * len(data)
        if size > HELD_BYTES:
            raise CorpusError(member.place, None, "the files up to this one are too large", "narrow `members`")
    for one, other, missing in ((texts, annotations, _ANNOTATIONS), (annotations, texts, _TEXT)):
        for identifier in one:
            if identifier not in other:
                place = one[identifier][0]
                raise CorpusError(place, None, f"has no {identifier}{missing}", "add it or narrow `members`")
    if not texts:
        raise CorpusError(source, None, f"holds no {_TEXT} files", "correct `members` or `format`")
    column = TextColumn()
    for identifier, (_, text, parts) in texts.items():
        place, value = annotations[identifier]
        mentions = tuple(
            _mention(entity, parts, f"{place}, entity {position}", column)
            for position, entity in enumerate(field(value, "entities", list, place))
        )
        yield Document(identifier, text, mentions, pmid=_pmid(value, place))
    column.report(source)


def _text(member: Member) -> tuple[str, Parts]:
    text = ""
    parts: Parts = {}
    for line, root in elements(member, "html"):
        for element in root.iter(etree.Element):
            identifier = element.get("id") or ""
            name, parent = etree.QName(element).localname, element.getparent()
            heading = re.fullmatch(r"h\d", name) and parent is not None and parent.get("data-type") == "abstract"
            if not _PART.fullmatch(identifier) or heading:
                continue
            inside = any(_PART.fullmatch(outer.get("id") or "") for outer in element.iterancestors())
            if identifier in parts or inside:
                problem = f"part {identifier!r} comes twice or lies in another part"
                raise CorpusError(member.place, line + element.sourceline - 1, problem, REMEDY)
            words = "".join(element.itertext())
            text += "\n" if parts else ""
            parts[identifier] = (len(text), words)
            text += words
    if not parts:
        raise CorpusError(member.place, None, "holds no elements with ids such as s1h1", "correct `format`")
    return text, parts


def _pmid(value: Any, place: str) -> str:
    for origin in field(value, "sources", list, place, []):
        number = field(origin, "id", str, place, "")
        if field(origin, "name", str, place, "") == "PMID" and number.isascii() and number.isdigit():
            return number.lstrip("0")
    return ""


def _mention(entity: Any, parts: Parts, place: str, column: TextColumn) -> Mention:
    name = field(entity, "part", str, place)
    if name not in parts:
        raise CorpusError(place, None, f"part {name[:40]!r} is not in the text", REMEDY)
    base, words = parts[name]
    pairs = []
    for offset in field(entity, "offsets", list, place):
        start, stated = field(offset, "start", int, place), field(offset, "text", str, place)
        pairs.append(span(str(start), str(start + len(stated)), words, place, None))
        column.check(stated, words[slice(*pairs[-1])], place, None)
    label = field(entity, "classId", str, place)
    if not pairs or not label:
        raise CorpusError(place, None, "has no offsets or no class", REMEDY)
    return Mention(label, tuple((base + start, base + end) for start, end in in_order(pairs, place, None)))
