"""The project's own Brat standoff: one class, flat, with a table of its documents.

A corpus is a folder or one zip archive of ``<id>.txt`` and ``<id>.ann``: UTF-8, no newline translation, 0-based and
end-exclusive offsets (https://brat.nlplab.org/standoff.html).
"""

from __future__ import annotations

import logging
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from corpora.archives import FAULTS, written_whole
from corpora.documents import CorpusError, Document
from corpora.readers.brat import parse_annotations
from corpora.readers.standoff import TextColumn, decode

logger = logging.getLogger(__name__)

_BREAKS = re.compile(r"[\t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that zip knows; the same bytes whenever it is written
_NAME_BYTES = 255 - len(".txt")
_REMEDY = "convert the corpus again"


class TableRow(NamedTuple):
    """One document of a corpus's table; ``characters`` and ``mentions`` are counts."""

    document: str
    pmid: str
    pmcid: str
    characters: int
    mentions: int
    split: str


def write_brat(documents: Iterable[Document], destination: Path) -> list[TableRow]:
    """Write the documents, in their order, into a folder, or a zip archive where the name ends with ".zip".

    Mentions have one span. In the third column, line breaks and tabs are blanks, so that it equals the text there
    but for them. ``destination`` appears whole or not at all; an archive has the same bytes each time. Gives the
    rows of the corpus's table.

    Raises CorpusError for an id that comes twice or cannot be a file's name.
    """
    rows: dict[str, TableRow] = {}
    broken = 0
    with written_whole(destination) as temporary, _writer(temporary, destination.suffix == ".zip") as write:
        for document in documents:
            check_id(document.id, destination)
            if document.id in rows:
                raise CorpusError(destination, None, f"document {document.id!r} comes twice", "narrow `members`")
            lines = []
            for number, mention in enumerate(document.mentions, start=1):
                assert len(mention.spans) == 1
                words = document.text[mention.start : mention.end]
                column = third_column(words)
                broken += column != words
                lines.append(f"T{number}\t{mention.label} {mention.start} {mention.end}\t{column}\n")
            write(f"{document.id}.txt", document.text)
            write(f"{document.id}.ann", "".join(lines))
            rows[document.id] = TableRow(
                document.id,
                document.pmid,
                document.pmcid,
                len(document.text),
                len(document.mentions),
                document.split,
            )
    if broken:
        logger.warning("%s: %d mentions hold a line break or tab, written as a blank", destination, broken)
    return list(rows.values())


def third_column(words: str) -> str:
    """A mention's text as a line of an ``.ann`` file can hold it: a blank for each line break or tab."""
    return _BREAKS.sub(" ", words)


def check_id(identifier: str, place: Path) -> None:
    """Raise CorpusError unless the document's id can be a file's name and a field of a table."""
    unsafe = identifier.startswith(".") or re.search(r"[/\\\x00-\x1f\x7f-\x9f\u2028\u2029]", identifier)
    if not identifier or unsafe or len(identifier.encode()) > _NAME_BYTES:
        problem = f"document id {identifier[:80]!r} cannot be a file's name"
        raise CorpusError(place, None, problem, "rename the document")


@contextmanager
def _writer(path: Path, archive: bool) -> Iterator[Callable[[str, str], None]]:
    if archive:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:

            def write_member(name: str, text: str) -> None:
                info = zipfile.ZipInfo(name, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.create_system = 3
                info.external_attr = 0o644 << 16
                target.writestr(info, text.encode(), compresslevel=1)  # thrice as fast, a tenth larger

            yield write_member
    else:
        path.mkdir()
        yield lambda name, text: _write_file(path / name, text)


def _write_file(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


def write_table(table: Path, rows: Iterable[TableRow]) -> None:
    """Write the table of a corpus: tab-separated with a header, one row a document."""
    with written_whole(table) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        for row in [TableRow._fields, *rows]:
            stream.write("\t".join(map(str, row)) + "\n")


def read_table(table: Path) -> list[TableRow]:
    """Rows of a corpus's table; raises CorpusError for a line that is none."""
    with table.open(encoding="utf-8", newline="") as stream:
        lines = stream.read().split("\n")
    if lines[0].split("\t") != list(TableRow._fields) or lines[-1]:
        raise CorpusError(table, 1, "is no table of a corpus, or has lost its end", _REMEDY)
    rows = []
    for number, line in enumerate(lines[1:-1], start=2):
        try:
            document, pmid, pmcid, characters, mentions, split = line.split("\t")
            rows.append(TableRow(document, pmid, pmcid, int(characters), int(mentions), split))
        except ValueError as error:
            problem = f"{line[:80]!r} is no row of {', '.join(TableRow._fields)}"
            raise CorpusError(table, number, problem, _REMEDY) from error
    return rows


def read_brat(destination: Path, table: Path) -> Iterator[Document]:
    """Documents that ``write_brat`` wrote to ``destination``, in the order of their table, with what it adds.

    Raises CorpusError where the two do not agree.
    """
    column = TextColumn()
    with _reader(destination) as read:
        for row in read_table(table):
            check_id(row.document, table)
            place = f"{destination}/{row.document}"
            try:
                text = decode(read(f"{row.document}.txt"), f"{place}.txt")
                annotations = decode(read(f"{row.document}.ann"), f"{place}.ann")
            except (KeyError, *FAULTS) as error:
                raise CorpusError(place, None, f"cannot be read, although {table} lists it", _REMEDY) from error
            mentions = parse_annotations(annotations, text, f"{place}.ann", column)
            if (len(text), len(mentions)) != (row.characters, row.mentions):
                problem = f"has not the {row.characters} characters and {row.mentions} mentions that {table} says"
                raise CorpusError(place, None, problem, _REMEDY)
            yield Document(row.document, text, mentions, row.pmid, row.pmcid, row.split)
    column.report(destination)


@contextmanager
def _reader(destination: Path) -> Iterator[Callable[[str], bytes]]:
    if destination.is_dir():
        yield lambda name: (destination / name).read_bytes()
    elif destination.is_file():
        try:
            archive = zipfile.ZipFile(destination)
        except zipfile.BadZipFile as error:
            raise CorpusError(destination, None, f"is no zip archive ({error})", _REMEDY) from error
        with archive:
            yield archive.read
    else:
        raise CorpusError(destination, None, "there is no such corpus", _REMEDY)
