"""Elements of an XML file, one at a time, safely.

Elements are cut out of the byte stream and parsed alone. So files with and without a root element, and several such
files one after the other, read the same; memory holds one element; and as no document type declaration reaches the
parser, there are no entities to expand and no files or addresses to load.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from lxml import etree

from corpora.archives import Member
from corpora.documents import CorpusError
from corpora.readers.standoff import DOCUMENT_BYTES, REMEDY

_CHUNK = 1 << 20
_ENCODING = re.compile(rb"""<\?xml[^>]*\bencoding\s*=\s*["']([\w.-]+)["']""")


class Piece(NamedTuple):
    """An element as it stands in a file: its bytes and their encoding, and the line where it starts."""

    data: bytes
    encoding: str
    line: int


def elements(member: Member, tag: str, root: str | None = None) -> Iterator[tuple[int, Any]]:
    """The elements named ``tag``, each with the line where it starts; they do not lie in one another.

    With ``root``, the file has to end that element, so that one cut off between two elements is found out.
    Raises CorpusError for an element that is not well-formed or larger than DOCUMENT_BYTES, and a file that is cut off.
    """
    for piece in pieces(member, tag, root):
        yield piece.line, parsed(piece, tag, member.place)


def pieces(member: Member, tag: str, root: str | None = None) -> Iterator[Piece]:
    """The same elements, each still to be parsed."""
    opening = re.compile(rb"<%b(?=[\s/>])(?:[^<>]*/>)?" % tag.encode())
    closing = b"</%b>" % tag.encode()
    ending = b"</%b" % (root or "").encode()
    ended = root is None
    buffer = b""
    line = 1  # of the buffer's first byte
    encoding = "utf-8"
    with member.open() as stream:
        while chunk := stream.read(_CHUNK):
            if not buffer and line == 1:
                if kind := _other(chunk):
                    raise CorpusError(member.place, 1, f"is {kind[0]}, not XML as read here", kind[1])
                if declared := _ENCODING.search(chunk[:1024]):
                    encoding = declared[1].decode("ascii")
            buffer += chunk
            done = 0
            while (bounds := _bounds(buffer, done, opening, closing)) is not None:
                start, stop = bounds
                if start < 0:
                    line += buffer.count(b"\n", done, stop)
                    raise CorpusError(member.place, line, f"</{tag}> closes what was never opened", REMEDY)
                line += buffer.count(b"\n", done, start)
                yield Piece(buffer[start:stop], encoding, line)
                line += buffer.count(b"\n", start, stop)
                done = stop
            opened = opening.search(buffer, done)
            ended = ended or buffer.find(ending, done) >= 0
            # Between elements only what may be the start of a tag is kept.
            keep = opened.start() if opened else max(done, len(buffer) - max(len(closing), len(ending)))
            line += buffer.count(b"\n", done, keep)
            buffer = buffer[keep:]
            if len(buffer) > DOCUMENT_BYTES:
                raise CorpusError(member.place, line, f"this <{tag}> has more than {DOCUMENT_BYTES} bytes", REMEDY)
    if opening.search(buffer):
        raise CorpusError(member.place, line, f"the file ends within this <{tag}>", "fetch the corpus again")
    if not ended:
        line += buffer.count(b"\n")
        raise CorpusError(member.place, line, f"the file ends without </{root}>", "fetch the corpus again")


def _other(start: bytes) -> tuple[str, str] | None:
    """What a file that begins so is instead, and the remedy."""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start[:4]:
        return "UTF-16", "convert the file to UTF-8"
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
        return "JSON", "let its name end with .json, or correct `format`"
    return None


def _bounds(buffer: bytes, done: int, opening: re.Pattern[bytes], closing: bytes) -> tuple[int, int] | None:
    """Where the next whole element starts and stops; a start below 0 for an end without a start."""
    end = buffer.find(closing, done)
    start = opening.search(buffer, done, end) if end >= 0 else opening.search(buffer, done)
    if start is not None and start[0].endswith(b"/>"):
        return start.span()
    if end < 0:
        return None
    return (start.start(), end + len(closing)) if start else (-1, end)


@cache
def _parser(encoding: str) -> Any:
    return etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


def parsed(piece: Piece, tag: str, place: str) -> Any:
    """The element; raises CorpusError where it is not well-formed, or in no encoding that is known."""
    try:
        return etree.fromstring(piece.data, _parser(piece.encoding))
    except LookupError as error:
        problem = f"encoding {piece.encoding!r} is unknown"
        raise CorpusError(place, 1, problem, "convert the file to UTF-8") from error
    except etree.XMLSyntaxError as error:
        reason = re.sub(r", line \d+, column.*| line \d+", "", str(error))  # lines within the element
        problem = f"this <{tag}> is no well-formed XML ({reason})"
        raise CorpusError(place, piece.line + (error.lineno or 1) - 1, problem, REMEDY) from error


def attribute(element: Any, name: str, place: str, line: int) -> str:
    """An attribute that has to be there, of an element in one that starts on ``line``; CorpusError where it is not."""
    value = element.get(name)
    if not value:
        problem = f"<{element.tag}> has no attribute {name!r}"
        raise CorpusError(place, line_of(element, line), problem, "add it or correct `format`")
    return str(value)


def line_of(element: Any, line: int) -> int:
    """The line in the file of an element, in one that starts on ``line``."""
    return line + int(element.sourceline or 1) - 1


def digits(identifier: str) -> str:
    """A PMID without leading zeros; empty for anything that is no number."""
    return identifier.lstrip("0") if identifier.isascii() and identifier.isdigit() else ""
