"""Reader of the PubTator format, as in the NCBI Disease and BioCreative V CDR corpora.

Blocks with a blank line between them: ``PMID|t|title``, ``PMID|a|abstract``, then tab-separated mentions (PMID, start,
end, text, type, perhaps an identifier, and for a composite mention its parts) and relations (PMID, type, two
identifiers).
Offsets count title, one separator and abstract (Doğan et al. 2014; Li et al. 2016).
"""

# The bioc package has a parser too, but it strips titles, which moves the offsets, splits lines at characters that
# are part of a text, prints what it cannot read, and knows no line numbers.

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from corpora.archives import Member, members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import DOCUMENT_BYTES, REMEDY, TextColumn, numbered_lines, span, split_of

logger = logging.getLogger(__name__)

_TEXT_LINE = re.compile(r"([^|\t]+)\|([ta])\|(.*)", re.DOTALL)


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents in the order of the files; id and PMID are the first column, the split is what the file's name says.

    The text is title, newline, abstract, so that offsets hold unchanged; blanks that end the abstract are
    stripped unless a mention reaches into them. Both are what the paper's authors released. A mention with a
    seventh column is composite even where that is empty, as it is for 18 mentions of CDR, which the authors left
    out too. A document that is repeated unchanged is passed over and logged, as one of the NCBI Disease corpus is.

    Raises CorpusError for a line that cannot be read or belongs to another document, a span outside of the text,
    a repeat that differs, and bytes that are not UTF-8.
    """
    column = TextColumn()
    digests: dict[str, bytes] = {}
    for member in members(source, patterns):
        for line, block in _blocks(member):
            document = _document(block, member.place, column)
            digest = hashlib.sha256(repr(document).encode()).digest()
            known = digests.setdefault(document.id, digest)
            if known is digest:
                yield replace(document, split=split_of(member.name))
            elif known == digest:
                logger.warning("%s:%d: document %s is a repeat and passed over", member.place, line, document.id)
            else:
                problem = f"document {document.id} comes a second time, with other text or mentions"
                raise CorpusError(member.place, line, problem, "remove one of the two")
    if not digests:
        raise CorpusError(source, None, "holds no PubTator documents", "correct `members` or `format`")
    column.report(source)


def _blocks(member: Member) -> Iterator[tuple[int, list[tuple[int, str]]]]:
    """Numbered lines of one document after the other, with the number of the first."""
    block: list[tuple[int, str]] = []
    size = 0
    for number, line in numbered_lines(member.open(), member.place):
        if line.strip():
            block.append((number, line))
            size += len(line)
            if size > DOCUMENT_BYTES:
                problem = f"the document up to this line has more than {DOCUMENT_BYTES} characters"
                raise CorpusError(member.place, number, problem, "separate documents by blank lines")
        elif block:
            yield block[0][0], block
            block, size = [], 0
    if block:
        yield block[0][0], block


def _document(block: list[tuple[int, str]], place: str, column: TextColumn) -> Document:
    identifier, title, rest = _text_line(block, "t", place)
    other, abstract, rest = _text_line(rest, "a", place) if rest else (identifier, "", rest)
    if other != identifier:
        problem = f"the abstract of document {other} follows the title of {identifier}"
        raise CorpusError(place, block[1][0], problem, "separate documents by blank lines")
    text = f"{title}\n{abstract}"
    mentions = []
    for number, line in rest:
        fields = line.split("\t")
        if fields[0] != identifier:
            problem = f"{line[:80]!r} stands among the lines of document {identifier}"
            blanks = re.match(rf"{re.escape(identifier)} +\d", line)
            remedy = "put tabs between the columns" if blanks else "separate documents by blank lines"
            raise CorpusError(place, number, problem, remedy)
        if len(fields) in (4, 5) and not re.match(r"[-+]?\d", fields[1]):
            continue  # a relation
        if len(fields) < 5 or not fields[4]:
            problem = f"{line[:80]!r} has not the columns PMID, start, end, text, type"
            raise CorpusError(place, number, problem, REMEDY)
        start, end = span(fields[1], fields[2], text, place, number)
        column.check(fields[3], text[start:end], place, number)
        mentions.append(Mention(fields[4], ((start, end),), composite=len(fields) > 6))
    used = max((mention.end for mention in mentions), default=0)
    stripped = f"{title}\n{abstract.rstrip(' ')}"
    text = stripped if used <= len(stripped) else text[:used]
    pmid = identifier if identifier.isascii() and identifier.isdigit() else ""
    return Document(identifier, text, tuple(mentions), pmid=pmid)


def _text_line(block: list[tuple[int, str]], kind: str, place: str) -> tuple[str, str, list[tuple[int, str]]]:
    number, line = block[0]
    match = _TEXT_LINE.fullmatch(line)
    if match is None or match[2] != kind:
        problem = f"{line[:80]!r} stands where PMID|{kind}|text was due"
        raise CorpusError(place, number, problem, "separate documents by blank lines, title and abstract first")
    return match[1], match[3], block[1:]
