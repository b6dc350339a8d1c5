"""Readers of the XML of the unified protein interaction corpora (Pyysalo et al. 2008), as BioInfer and IEPA have it,
and of its variant in the miRNA corpus of Fraunhofer SCAI (Bagewadi et al. 2014).

``document`` holds ``sentence`` with the attribute ``text``, and that ``entity`` with ``charOffset``, ranges within the
sentence joined by commas. The miRNA corpus gives the last character of a range where the others give the one after
it, and stores the sentences of a document in no order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from corpora.archives import members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.elements import attribute, digits, elements, line_of
from corpora.readers.standoff import REMEDY, TextColumn, in_order, span

UNTYPED = "Protein"  # the label of entities without a type: all those of IEPA
_INDEX_TERMS = ("MeSH_Indexing_Chemical", "OTHER")  # of the miRNA corpus: they index a document, no place in it


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents in the order of the files; sentences are joined by newlines.

    The id is the attribute ``id``; the PMID is ``PMID`` or else ``origId`` where that is a number. The label is the
    entity's ``type``, Protein where it has none.

    Raises CorpusError for what is no XML, attributes that are missing, spans outside of the sentence, and a source
    without documents.
    """
    return _read(source, patterns, _unified)


def read_mirna(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents of the miRNA corpus, whose sentences are put in order; id and PMID are ``origId``.

    Errors as for ``read``, and for a sentence whose ``origId`` does not end with ``.s`` and its number.
    """
    return _read(source, patterns, _mirna)


Build = Callable[[Any, str, int, TextColumn], Document]


def _read(source: Path, patterns: Sequence[str], build: Build) -> Iterator[Document]:
    column = TextColumn()
    found = False
    for member in members(source, patterns):
        for line, element in elements(member, "document", root="corpus"):
            found = True
            yield build(element, member.place, line, column)
    if not found:
        raise CorpusError(source, None, "holds no <document> elements", "correct `members` or `format`")
    column.report(source)


def _unified(element: Any, place: str, line: int, column: TextColumn) -> Document:
    identifier = attribute(element, "id", place, line)
    text, mentions = _content(element.findall("sentence"), place, line, column, inclusive=False)
    pmid = element.get("PMID") or element.get("origId") or ""
    return Document(identifier, text, mentions, pmid=digits(pmid))


def _mirna(element: Any, place: str, line: int, column: TextColumn) -> Document:
    identifier = attribute(element, "origId", place, line)
    numbered = []
    for sentence in element.findall("sentence"):
        origin = attribute(sentence, "origId", place, line)
        match = re.search(r"\.s([0-9]{1,9})$", origin)
        if match is None:
            problem = f"sentence {origin[:40]!r} does not end with .s and its number"
            raise CorpusError(place, line_of(sentence, line), problem, REMEDY)
        numbered.append((int(match[1]), sentence))
    sentences = [sentence for _, sentence in sorted(numbered, key=lambda pair: pair[0])]
    text, mentions = _content(sentences, place, line, column, inclusive=True)
    return Document(identifier, text, mentions, pmid=digits(identifier))


def _content(
    sentences: list[Any], place: str, line: int, column: TextColumn, *, inclusive: bool
) -> tuple[str, tuple[Mention, ...]]:
    text = ""
    mentions = []
    for sentence in sentences:
        words = attribute(sentence, "text", place, line)
        base = len(text) + bool(text)
        for entity in sentence.findall("entity"):
            if entity.get("type") in _INDEX_TERMS:
                continue
            at = line_of(entity, line)
            ranges = [part.partition("-") for part in attribute(entity, "charOffset", place, line).split(",")]
            pairs = in_order((span(a, b, words, place, at, inclusive=inclusive) for a, _, b in ranges), place, at)
            stated = entity.get("text", "")
            parts = [words[start:end] for start, end in pairs]
            column.check(stated, stated if stated == "".join(parts) else " ".join(parts), place, at)
            spans = tuple((base + start, base + end) for start, end in pairs)
            mentions.append(Mention(entity.get("type") or UNTYPED, spans))
        text += ("\n" if text else "") + words
    return text, tuple(mentions)
