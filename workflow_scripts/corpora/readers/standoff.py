"""What the readers of standoff formats share: decoding, checked spans, and the text column that must fit them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import BinaryIO

from corpora.documents import CorpusError

logger = logging.getLogger(__name__)

DOCUMENT_BYTES = 64 << 20  # a document, or a line, is held in memory whole
SHOWN = 10
REMEDY = "fetch the corpus again or correct the line"


def read_whole(stream: BinaryIO, place: str) -> bytes:
    """The bytes of one document; raises CorpusError above DOCUMENT_BYTES."""
    data = bytearray()
    with stream:
        while chunk := stream.read(1 << 16):
            data += chunk
            if len(data) > DOCUMENT_BYTES:
                raise CorpusError(place, None, f"has more than {DOCUMENT_BYTES} bytes", "cut it into parts")
    return bytes(data)


def decode(data: bytes, place: str, line: int | None = None) -> str:
    """UTF-8 as it stands, byte order mark and carriage returns included, since offsets count them."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        within = " of the line" if line is not None else ""
        problem = f"byte {error.start}{within} (0x{data[error.start]:02x}) is not UTF-8"
        raise CorpusError(place, line, problem, "convert the file to UTF-8") from error


def span(start: str, end: str, text: str, place: str, line: int) -> tuple[int, int]:
    """The two numbers of a span, 0-based and end-exclusive, which lies in ``text`` and is not empty."""
    if not (start.isascii() and start.isdigit() and end.isascii() and end.isdigit()):
        raise CorpusError(place, line, f"offsets {start!r} and {end!r} are not both whole numbers", REMEDY)
    if not int(start) < int(end) <= len(text):
        problem = f"span {start}-{end} is empty or outside of the text, which has {len(text)} characters"
        raise CorpusError(place, line, problem, REMEDY)
    return int(start), int(end)


class TextColumn:
    """Compares the text column of a corpus with its texts and counts where they differ.

    The offsets win, as in the paper's program: the released corpora hold columns that lost a character where the
    offsets are right. The first few differences are logged one by one.
    """

    def __init__(self) -> None:
        self.mismatches = 0

    def check(self, stated: str, actual: str, place: str, line: int) -> None:
        """Note a difference in anything but the amount of white space."""
        if stated == actual or stated.split() == actual.split():
            return
        self.mismatches += 1
        if self.mismatches <= SHOWN:
            logger.warning(
                "%s:%d: the text column says %r, the offsets %r; the offsets are used", place, line, stated, actual
            )

    def report(self, source: Path) -> None:
        """Log how many differences there were."""
        if self.mismatches:
            logger.warning("%s: %d mentions whose text column differs from the text", source, self.mismatches)
