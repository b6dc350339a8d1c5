"""What the readers of standoff formats share: files, lines, checked spans, and the text column that must fit them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NamedTuple

from corpora.archives import members
from corpora.documents import CorpusError

logger = logging.getLogger(__name__)

DOCUMENT_BYTES = 64 << 20  # a document, or a line, is held in memory whole
HELD_BYTES = 512 << 20  # as are the files of a corpus whose texts and mentions lie apart
_SPLITS = {"train": "train", "valid": "dev", "validation": "dev", "dev": "dev", "devel": "dev", "test": "test"}
SHOWN = 10
COLLECTED = 1000  # offset errors
SHIFTED = 10  # mentions that show whether offsets fit their text at all
REMEDY = "fetch the corpus again or correct the line"

_NUMBER = re.compile("[0-9]{1,18}")
_collected: ContextVar[list[CorpusError] | None] = ContextVar("collected", default=None)


def split_of(name: str | PurePosixPath) -> str:
    """The split that a file's or folder's name says up to its first dot, or else the folder's that it is in."""
    path = PurePosixPath(name)
    names = (part.name.partition(".")[0].lower() for part in (path, path.parent))
    return next((_SPLITS[name] for name in names if name in _SPLITS), "")


def read_whole(stream: BinaryIO, place: str) -> bytes:
    """The bytes of one document; raises CorpusError above DOCUMENT_BYTES."""
    data = bytearray()
    with stream:
        while chunk := stream.read(1 << 16):
            data += chunk
            if len(data) > DOCUMENT_BYTES:
                raise CorpusError(place, None, f"has more than {DOCUMENT_BYTES} bytes", "cut it into parts")
    return bytes(data)


class File(NamedTuple):
    """A file held in memory: its name in the corpus, its place for messages, its bytes."""

    name: PurePosixPath
    place: str
    data: bytes


def held(source: Path, patterns: Sequence[str], wanted: Callable[[PurePosixPath], bool]) -> list[File]:
    """The files of a corpus that are ``wanted`` by their name, in its order; raises CorpusError above HELD_BYTES."""
    files = []
    total = 0
    for member in members(source, patterns):
        name = PurePosixPath(member.name)
        if wanted(name):
            files.append(File(name, member.place, read_whole(member.open(), member.place)))
            total += len(files[-1].data)
            if total > HELD_BYTES:
                problem = f"the files up to this one have more than {HELD_BYTES} bytes"
                raise CorpusError(member.place, None, problem, "narrow `members` or cut the corpus into parts")
    return files


def numbered_lines(stream: BinaryIO, place: str, encoding: str = "utf-8") -> Iterator[tuple[int, str]]:
    """The lines with their numbers from 1, without line ends and byte order mark; ends only at newlines.

    Raises CorpusError for a line of DOCUMENT_BYTES and for bytes that are not in the encoding.
    """
    number = 0
    with stream:
        while raw := stream.readline(DOCUMENT_BYTES):
            number += 1
            if len(raw) == DOCUMENT_BYTES:
                raise CorpusError(place, number, f"the line has {len(raw)} bytes or more", REMEDY)
            line = decode(raw, place, number, encoding).removesuffix("\n").removesuffix("\r")
            yield number, line.removeprefix("\ufeff") if number == 1 else line


def decode(data: bytes, place: str, line: int | None = None, encoding: str = "utf-8") -> str:
    """The characters as they stand, byte order mark and carriage returns included, since offsets count them."""
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        within = " of the line" if line is not None else ""
        problem = f"byte {error.start}{within} (0x{data[error.start]:02x}) is not UTF-8"
        raise CorpusError(place, line, problem, "convert the file to UTF-8") from error


def numbers(*values: str) -> bool:
    """Whether all values are whole numbers that an offset may have."""
    return all(_NUMBER.fullmatch(value) for value in values)


def span(
    start: str, end: str, text: str, place: str, line: int | None, *, first: int = 0, inclusive: bool = False
) -> tuple[int, int]:
    """The two numbers of a span, made 0-based and end-exclusive, which lies in ``text`` and is not empty.

    ``first`` is the number of the text's first character, ``inclusive`` says whether the end is the last character's.
    """
    if not numbers(start, end):
        raise CorpusError(place, line, f"offsets {start[:20]!r} and {end[:20]!r} are not both whole numbers", REMEDY)
    begin, stop = int(start) - first, int(end) - first + inclusive
    if not 0 <= begin < stop <= len(text):
        problem = f"span {start}-{end} is empty or outside of the text, which has {len(text)} characters"
        error = CorpusError(place, line, problem, REMEDY)
        collected = _collected.get()
        if collected is None or not text or len(collected) >= COLLECTED:
            raise error
        collected.append(error)
        return 0, 1
    return begin, stop


@contextmanager
def collected_offset_errors() -> Iterator[list[CorpusError]]:
    """A list to which spans outside of their text are added, as long as the block lasts, instead of raised.

    For a check that is to name all of them: the documents read in the block are not to be used if there are any.
    """
    errors: list[CorpusError] = []
    token = _collected.set(errors)
    try:
        yield errors
    finally:
        _collected.reset(token)


def in_order(spans: Iterable[tuple[int, int]], place: str, line: int | None) -> tuple[tuple[int, int], ...]:
    """The spans of one mention sorted; raises CorpusError where two share a character."""
    ordered = tuple(sorted(spans))
    for left, right in pairwise(ordered):
        if left[1] > right[0]:
            if _collected.get():  # where one of them stands for a span outside of the text, which is named already
                return ordered[:1]
            raise CorpusError(place, line, f"spans {left} and {right} of one mention overlap", REMEDY)
    return ordered


class TextColumn:
    """Compares the text column of a corpus with its texts and counts where they differ.

    The offsets win, as in the paper's program: the released corpora hold columns that lost a character where the
    offsets are right. The first few differences are logged one by one. Where most differ, and not in case alone, the
    offsets are wrong.
    """

    def __init__(self) -> None:
        self.checked = self.mismatches = self.others = 0

    def check(self, stated: str, actual: str, place: str, line: int | None) -> None:
        """Note a difference in anything but the amount of white space; an empty column says nothing."""
        if not stated.strip():
            return
        self.checked += 1
        if stated == actual or stated.split() == actual.split():
            return
        self.mismatches += 1
        self.others += stated.casefold().split() != actual.casefold().split()
        if self.mismatches <= SHOWN:
            where = place if line is None else f"{place}:{line}"
            logger.warning("%s: the text column says %r, the offsets %r; the offsets are used", where, stated, actual)

    def report(self, source: Path) -> None:
        """Log how many differences there were; raises CorpusError where most of SHIFTED mentions or more differ."""
        if self.mismatches:
            told = f"{self.mismatches} of {self.checked} mentions have a text column that differs from the text"
            # Spans outside of their text, which a check collects, have no text of their own to compare.
            if self.checked >= SHIFTED and self.others > self.checked / 2 and not _collected.get():
                problem = f"{told}: perhaps the offsets do not count characters from 0"
                remedy = "look for a byte order mark, Windows line ends, offsets in bytes or from 1"
                remedy += "; leave the column empty where it holds other names on purpose"
                raise CorpusError(source, None, problem, remedy)
            logger.warning("%s: %s", source, told)
