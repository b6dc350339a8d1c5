"""word2vec files, read once from start to end: the vectors of the wanted words, in memory for those alone.

gensim reads such a file whole, which takes as much memory as the file has bytes; the result for a word is the same.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from corpora.archives import packing
from corpora.documents import CorpusError

REMEDY = "give a word2vec file: binary (.bin, .bin.gz), or text with one word and its numbers a line"
_UNPACK = "unpack it and give the file of vectors in it"
_AGAIN = "get the file again"
_HEADER = re.compile(rb"\s*([0-9]{1,18})\s+([0-9]{1,9})\s*")
_BLOCK = 8 << 20  # bytes read at once
_LINE = 1 << 20  # bytes that a word, or a line of text, may have
_TRUNCATED = "the file ends after {} of the {} vectors that its header promises"


@dataclass(frozen=True, slots=True)
class Vectors:
    """Vectors of words: row i of ``rows``, float32 of shape (len(words), dimension), belongs to the i-th word.

    ``words`` gives the row of a word, encoded in UTF-8. ``read`` is the number of vectors that the file holds, and
    ``sha256`` its digest.
    """

    words: dict[bytes, int]
    rows: NDArray[np.float32]
    read: int
    sha256: str


class _Hashed(io.RawIOBase):
    """A file whose digest is known when all of it has been read."""

    def __init__(self, raw: IO[bytes]) -> None:
        super().__init__()
        self._raw = raw
        self.digest = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        count: int = self._raw.readinto(buffer)  # type: ignore[attr-defined]
        self.digest.update(buffer[:count])
        return count


def read_word2vec(path: Path, wanted: Collection[bytes], dimension: int) -> Vectors:
    """The vectors of those words of a word2vec file that are ``wanted``, UTF-8 bytes without white space.

    The format is binary where the name ends with .bin or .bin.gz, else text, with or without a header; gzip is known
    by its first bytes. Of a word that comes twice the first vector counts, and lines or vectors beyond the number in
    the header do not, as in gensim. Words cut inside a character, as the files of section 2.4 have them, equal no
    wanted word. Memory is that of the vectors given and one block of the file.

    Raises CorpusError for a file that is empty, an archive, damaged, cut off, of another dimension, not of this format,
    or with numbers that are not finite in a wanted word's vector.
    """
    words: dict[bytes, int] = {}
    rows = bytearray()
    read = 0
    try:
        with path.open("rb") as file:
            head = file.read(512)
        if gzipped := head.startswith(b"\x1f\x8b"):
            with gzip.open(path) as unpacked:
                head = unpacked.read(512)
        if kind := packing(head):
            raise CorpusError(path, None, f"is packed as {kind}, which is not read as word vectors", _UNPACK)
        with path.open("rb", buffering=0) as raw:
            hashed = _Hashed(raw)
            buffered = io.BufferedReader(hashed, _BLOCK)
            stream = gzip.GzipFile(fileobj=buffered) if gzipped else buffered
            binary = path.name.lower().removesuffix(".gz").endswith(".bin")
            for word, numbers in (_binary if binary else _text)(cast(IO[bytes], stream), path, dimension):
                read += 1
                if word in wanted and word not in words:
                    words[word] = len(words)
                    rows += numbers if binary else _floats(numbers, path, read)
            while stream.read(_BLOCK):  # to the end, where gzip's own checksum stands
                pass
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(path, None, f"cannot be read as word vectors ({error})", REMEDY) from error
    matrix = np.frombuffer(rows, dtype="<f4").reshape(len(words), dimension)
    for word, row in words.items():
        if not np.isfinite(matrix[row]).all():
            problem = f"the vector of {word.decode()!r} has numbers that are not finite"
            raise CorpusError(path, None, problem, _AGAIN)
    return Vectors(words, matrix, read, hashed.digest.hexdigest())


def _binary(stream: IO[bytes], path: Path, dimension: int) -> Iterator[tuple[bytes, bytes]]:
    """Words and their vectors' bytes: a header, then the word, a blank, the numbers, and perhaps a line break."""
    first = stream.readline(_LINE)
    if not first:
        raise CorpusError(path, None, "is empty", REMEDY)
    header = _HEADER.fullmatch(first)
    if header is None:
        raise CorpusError(path, 1, "has no header of two numbers", REMEDY)
    count = int(header[1])
    _check_width(path, int(header[2]), dimension)
    width = 4 * dimension
    buffer = b""
    at = number = 0
    while number < count:
        blank = buffer.find(b" ", at, at + _LINE)
        if blank < 0 or len(buffer) - blank <= width:
            if blank < 0 and len(buffer) - at >= _LINE:
                raise CorpusError(path, None, f"vector {number + 1} has a word without an end", REMEDY)
            block = stream.read(_BLOCK)
            if not block:
                raise CorpusError(path, None, _TRUNCATED.format(number, count), _AGAIN)
            buffer = buffer[at:] + block
            at = 0
            continue
        yield buffer[at:blank].lstrip(b"\n"), buffer[blank + 1 : blank + 1 + width]
        at = blank + 1 + width
        number += 1


def _text(stream: IO[bytes], path: Path, dimension: int) -> Iterator[tuple[bytes, bytes]]:
    """Words and their numbers, one a line, separated by single blanks; the first line may be a header."""
    first = stream.readline(_LINE).removeprefix(b"\xef\xbb\xbf")
    if first.startswith(b"\x93NUMPY"):
        raise CorpusError(path, None, "is a NumPy array, which has no words", REMEDY)
    if not first:
        raise CorpusError(path, None, "is empty", REMEDY)
    header = _HEADER.fullmatch(first)
    count = int(header[1]) if header else None
    _check_width(path, int(header[2]) if header else len(first.split()) - 1, dimension)
    number = 0
    line = b"" if header else first
    while count is None or number < count:
        line = line or stream.readline(_LINE)
        if not line:
            if count is None:
                return
            raise CorpusError(path, None, _TRUNCATED.format(number, count), _AGAIN)
        number += 1
        stripped = line.rstrip()
        if stripped.count(b" ") != dimension:
            problem = f"not a word and {dimension} numbers, separated by single blanks"
            raise CorpusError(path, number + (header is not None), problem, REMEDY)
        word, _, numbers = stripped.partition(b" ")
        yield word, numbers
        line = b""


def _check_width(path: Path, width: int, dimension: int) -> None:
    if width != dimension:
        problem = f"vectors have {width} numbers, the configured dimension is {dimension}"
        raise CorpusError(path, 1, problem, f"set the dimension to {width} or give other vectors")


def _floats(numbers: bytes, path: Path, number: int) -> bytes:
    try:
        return np.array(numbers.split(b" ")).astype("<f4").tobytes()
    except ValueError as error:
        raise CorpusError(path, None, f"vector {number} cannot be read ({error})", REMEDY) from error
