"""Reader of PubAnnotation's JSON (https://www.pubannotation.org/docs/annotation-format/)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from corpora.archives import members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.jsons import field, load
from corpora.readers.standoff import in_order, read_whole, span, split_of

_CONCEPT = re.compile(r"([A-Za-z][\w-]*):[^\s/].*", re.DOTALL)


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents of all ``.json`` files, each of which holds one, or a list of them.

    The id is ``sourcedb-sourceid``, with ``divid`` where there is one, or else the file's stem; ``sourceid`` is the
    PMID of a text from PubMed, the PMCID of one from PMC. The label is a denotation's ``obj``, of a concept as
    ``uniprot:P00000`` the part before the colon. A denotation with several spans is discontinuous. There is no text
    column that the offsets could be compared with.

    Raises CorpusError for what is not JSON of this form, a span outside of the text, and a source without documents.
    """
    found = False
    for member in members(source, patterns):
        name = PurePosixPath(member.name)
        if name.suffix != ".json":
            continue
        value = load(read_whole(member.open(), member.place), member.place)
        records = value if isinstance(value, list) else [value]
        for position, record in enumerate(records):
            found = True
            several = len(records) > 1
            stem = f"{name.stem}-{position}" if several else name.stem
            document = _document(record, stem, f"{member.place}, document {position}" if several else member.place)
            yield replace(document, split=split_of(name))
    if not found:
        raise CorpusError(source, None, "holds no .json files with documents", "correct `members` or `format`")


def _document(record: Any, stem: str, place: str) -> Document:
    text = field(record, "text", str, place)
    database = field(record, "sourcedb", str, place, "")
    number = record.get("sourceid")
    number = str(number) if isinstance(number, str | int) else ""
    part = record.get("divid")
    parts = [database, number] + ([str(part)] if isinstance(part, str | int) else [])
    digits = number.lstrip("0") if number.isascii() and number.isdigit() else ""
    return Document(
        "-".join(parts) if database and number else stem,
        text,
        tuple(
            _mention(denotation, text, f"{place}, denotation {position}")
            for position, denotation in enumerate(field(record, "denotations", list, place, []))
        ),
        pmid=digits if database.lower() == "pubmed" else "",
        pmcid=digits if database.lower() == "pmc" else "",
    )


def _mention(denotation: Any, text: str, place: str) -> Mention:
    label = field(denotation, "obj", str, place)
    if not label:
        raise CorpusError(place, None, "has an empty 'obj'", "name its class or remove the denotation")
    concept = _CONCEPT.fullmatch(label)
    stated = denotation.get("span")
    spans = stated if isinstance(stated, list) and stated else [stated]
    pairs = [(field(one, "begin", int, place), field(one, "end", int, place)) for one in spans]
    return Mention(
        concept[1] if concept else label,
        in_order((span(str(begin), str(end), text, place, None) for begin, end in pairs), place, None),
    )
