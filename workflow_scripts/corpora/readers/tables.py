"""Readers of corpora with a folder of texts and one table of mentions: LINNAEUS, SPECIES-800 and DECA.

LINNAEUS (Gerner et al. 2010): ``txt/`` and ``tags.tsv``. SPECIES-800 (Pafilis et al. 2013): ``abstracts/``,
``S800.tsv``, whose ends are those of the last character, and ``pubmedid.tsv``. DECA (Wang et al. 2010): ``text/`` and
``gold.txt``. In all of them offsets count from 0, and texts that the table does not name have no mentions.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import REMEDY, File, TextColumn, decode, held, numbered_lines, span


@dataclass(frozen=True)
class Layout:
    """Names of the parts, and the columns of the table, counted from 0: document, start, end and text.

    ``pmid`` and ``pmcid`` are regular expressions for the whole document id.
    """

    table: str
    folder: str
    columns: tuple[int, int, int, int]
    label: str
    inclusive: bool = False
    pmid: str = "(?!)"
    pmcid: str = "(?!)"
    pmids: str = ""  # a table of document and PMID


LINNAEUS = Layout("tags.tsv", "txt", (1, 2, 3, 4), "species", pmcid=r"pmcA(\d+)")
S800 = Layout("S800.tsv", "abstracts", (1, 2, 3, 4), "species", inclusive=True, pmids="pubmedid.tsv")
DECA = Layout("gold.txt", "text", (0, 1, 2, 3), "gene", pmid=r"(\d+)")


def read_linnaeus(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """One full text a document, with its PMCID; the label is ``species``. ``filtered_tags.tsv`` is not read.

    Raises CorpusError as all three readers do: for a missing table or text, a line that cannot be read, a span
    outside of its text, an id that comes twice, and bytes that are not UTF-8.
    """
    return _read(source, patterns, LINNAEUS)


def read_s800(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """One abstract a document, with its PMID; the label is ``species``. Errors as for LINNAEUS."""
    return _read(source, patterns, S800)


def read_deca(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """One abstract a document; an id that is a number is its PMID; the label is ``gene``. Errors as for LINNAEUS."""
    return _read(source, patterns, DECA)


def _read(source: Path, patterns: Sequence[str], layout: Layout) -> Iterator[Document]:
    tables = (layout.table, layout.pmids)
    files = held(
        source,
        patterns,
        lambda name: name.name in tables or (name.suffix == ".txt" and name.parent.name == layout.folder),
    )
    texts: dict[str, str] = {}
    for file in files:
        if file.name.name not in tables:
            if file.name.stem in texts:
                problem = f"document {file.name.stem!r} comes twice"
                raise CorpusError(file.place, None, problem, "narrow `members` or rename the file")
            texts[file.name.stem] = decode(file.data, file.place)
    if not texts:
        problem = f"holds no .txt files in a folder {layout.folder!r}"
        raise CorpusError(source, None, problem, "correct `members` or `format`")
    pmids = dict(_pmids(_table(source, files, layout.pmids), texts)) if layout.pmids else {}
    mentions: dict[str, list[Mention]] = {}
    column = TextColumn()
    for identifier, mention in _mentions(_table(source, files, layout.table), texts, layout, column):
        mentions.setdefault(identifier, []).append(mention)
    for identifier, text in texts.items():
        pmid, pmcid = (re.fullmatch(pattern, identifier, re.ASCII) for pattern in (layout.pmid, layout.pmcid))
        yield Document(
            identifier,
            text,
            tuple(mentions.get(identifier, ())),
            pmid=pmids.get(identifier) or (pmid[1] if pmid else ""),
            pmcid=pmcid[1] if pmcid else "",
        )
    column.report(source)


def _table(source: Path, files: list[File], name: str) -> File:
    found = [file for file in files if file.name.name == name]
    if not found:
        raise CorpusError(source, None, f"holds no {name}", "correct `members` or fetch the corpus again")
    if len(found) > 1:
        raise CorpusError(found[1].place, None, f"is the second {name}", "narrow `members` to one")
    return found[0]


def _pmids(table: File, texts: dict[str, str]) -> Iterator[tuple[str, str]]:
    for number, line in numbered_lines(io.BytesIO(table.data), table.place):
        if line.strip():
            match = re.match(r"([^\t]+)\tPMID:([0-9]{1,20})(?=\t|$)", line)
            if match is None or match[1] not in texts:
                problem = f"{line[:80]!r} does not give a document and its PMID, as in species001<tab>PMID:1"
                raise CorpusError(table.place, number, problem, REMEDY)
            yield match[1], match[2].lstrip("0") or "0"


def _mentions(table: File, texts: dict[str, str], layout: Layout, column: TextColumn) -> Iterator[tuple[str, Mention]]:
    for number, line in numbered_lines(io.BytesIO(table.data), table.place):
        if not line.strip() or (number == 1 and line.startswith("#")):
            continue
        fields = line.split("\t")
        if len(fields) <= max(layout.columns):
            problem = f"{line[:80]!r} has {len(fields)} columns, which are too few for document, start, end and text"
            raise CorpusError(table.place, number, problem, REMEDY)
        document, start, end, stated = (fields[position] for position in layout.columns)
        identifier = document.partition(":")[0].removesuffix(".txt")  # S800 adds ":PMID", DECA ".txt"
        if identifier not in texts:
            remedy = "add its text or remove the line"
            raise CorpusError(table.place, number, f"document {identifier[:80]!r} has no text", remedy)
        text = texts[identifier]
        begin, stop = span(start, end, text, table.place, number, inclusive=layout.inclusive)
        column.check(stated, text[begin:stop], table.place, number)
        yield identifier, Mention(layout.label, ((begin, stop),))
