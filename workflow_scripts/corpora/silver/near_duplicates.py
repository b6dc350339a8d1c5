"""Gold-standard documents among the silver ones by near-duplicate text: another edition, another spelling, a part.

Texts are compared by sentences, since gold corpora are single sentences, abstracts or full texts, and silver documents
are abstracts: two sentences are near-duplicates when the sets of their runs of SHINGLE words (shingles; Broder 1997)
have a Jaccard similarity of at least SIMILARITY. datasketch's MinHash LSH finds the candidates, the sets themselves
decide. A silver document holds a gold one when near-duplicate sentences make up at least COVERAGE of either.
docs/speed.md has the measurements behind the numbers.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias
from zlib import crc32

import numpy as np
from datasketch import MinHash, MinHashLSH
from numpy.typing import NDArray

from corpora.documents import Document
from corpora.silver.exclusion import Exclusion, Source, fold

SHINGLE = 3  # words
MINIMUM_WORDS = 8  # of a sentence; shorter ones tell no document
SIMILARITY = 0.6  # one word in twenty changed: 0.71, two: 0.5
COVERAGE = 0.5  # of the shingles of the gold or the silver document
SEED = 1  # of MinHash's permutations
BANDS, ROWS = 32, 4  # a pair of similarity 0.6 becomes a candidate with 98.8 %, one of 0.7 with 99.98 %
_PREFILTER = SIMILARITY - 0.1  # less than SIMILARITY, as repeated shingles count repeatedly here
_INDEX_BITS = 28

Words: TypeAlias = list[bytes]

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\r")
_BLANKS = bytes(code if chr(code).isalnum() or code == 10 else 32 for code in range(128)) + bytes(range(128, 256))
_PERMUTATIONS = MinHash(num_perm=BANDS * ROWS, seed=SEED).permutations


def near_duplicates(silver: Iterable[Document], gold: Mapping[str, Iterable[Document]]) -> dict[str, Exclusion]:
    """The silver documents, by id, that hold a gold document of the class or are part of one, and which that is.

    ``silver`` is read once; ``gold`` has the documents by corpus name, and is read twice. Memory holds 32 MB, and
    those sentences that may have a near-duplicate: the SIMILARITY of two sets is at most the share of either that lies
    in the other, so sentences whose shingles the other side mostly lacks are left out before any pair is formed.
    """
    shingles = _Shingles()
    for corpus in gold.values():
        for document in corpus:
            shingles.add(_hashes(_sentences(document.text)))
    index = _SilverIndex()
    for document in silver:
        sentences = _sentences(document.text)
        if likely := shingles.mostly_among(sentences):
            index.add(document.id, sentences, likely)
    del shingles
    found: dict[str, tuple[float, Source]] = {}
    for name, corpus in sorted(gold.items()):
        for document in corpus:
            for identifier, share in index.holding(document):
                if share >= COVERAGE and share > found.get(identifier, (0.0, ("", "")))[0]:
                    found[identifier] = (share, (name, document.id))
    return {identifier: Exclusion("near_duplicate", *source) for identifier, (_, source) in found.items()}


def similarity(one: Words, other: Words) -> float:
    """Jaccard similarity of the shingles of two sentences."""
    ours, theirs = set(_shingles(one)), set(_shingles(other))
    return len(ours & theirs) / len(ours | theirs)


class _SilverIndex:
    """Silver sentences that may have a near-duplicate in a gold document, by MinHash."""

    def __init__(self) -> None:
        self._lsh = MinHashLSH(num_perm=BANDS * ROWS, params=(BANDS, ROWS))
        self._shingles = _Shingles()
        self._documents: list[tuple[str, int]] = []  # with the number of shingles of the whole document
        self._sentences: list[tuple[int, Words]] = []  # with the number of the document

    def add(self, identifier: str, sentences: list[Words], likely: list[Words]) -> None:
        self._documents.append((identifier, sum(map(_size, sentences))))
        for words in likely:
            self._lsh.insert(len(self._sentences), _minhash(words), check_duplication=False)
            self._sentences.append((len(self._documents) - 1, words))
        self._shingles.add(_hashes(likely))

    def holding(self, gold: Document) -> Iterator[tuple[str, float]]:
        """The silver documents with near-duplicates of the gold one's sentences, and the larger share of the two."""
        sentences = _sentences(gold.text)
        held: Counter[int] = Counter()  # shingles of the gold document, by silver document
        matched: set[int] = set()  # sentences of silver documents
        for words in self._shingles.mostly_among(sentences):
            near = [
                number
                for number in self._lsh.query(_minhash(words))
                if similarity(words, self._sentences[number][1]) >= SIMILARITY
            ]
            matched.update(near)
            held.update(dict.fromkeys((self._sentences[number][0] for number in near), _size(words)))
        if not matched:
            return
        whole = sum(map(_size, sentences))
        own: Counter[int] = Counter()
        for number in matched:
            own[self._sentences[number][0]] += _size(self._sentences[number][1])
        for place in sorted(held):
            identifier, size = self._documents[place]
            yield identifier, max(held[place] / whole, own[place] / size)


class _Shingles:
    """A set of shingles, as the bits of their hashes; it may take one that it lacks for one it has."""

    def __init__(self) -> None:
        self._bits = np.zeros(1 << (_INDEX_BITS - 3), np.uint8)

    def add(self, hashes: NDArray[np.uint32]) -> None:
        np.bitwise_or.at(self._bits, hashes >> 3, _bit(hashes))

    def mostly_among(self, sentences: list[Words]) -> list[Words]:
        """The sentences of whose shingles at least _PREFILTER are in the set."""
        hashes = _hashes(sentences)
        inside = (self._bits[hashes >> 3] & _bit(hashes)) > 0
        if not inside.any():
            return []
        ends = np.cumsum([_size(words) for words in sentences])
        counts = np.diff(np.concatenate(([0], np.cumsum(inside)))[np.concatenate(([0], ends))])
        return [words for words, count in zip(sentences, counts, strict=True) if count >= _PREFILTER * _size(words)]


def _bit(hashes: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return np.left_shift(np.uint8(1), (hashes & 7).astype(np.uint8))


def _sentences(text: str) -> list[Words]:
    """The words, letters and digits without case, of each sentence that has enough of them."""
    marked = _SENTENCE_END.sub("\n", text)
    if not marked.isascii():
        marked = "".join(c if c.isalnum() or c == "\n" else " " for c in fold(marked))
    lines = marked.encode().lower().translate(_BLANKS).split(b"\n")
    return [words for line in lines if len(words := line.split()) >= MINIMUM_WORDS]


def _size(words: Words) -> int:
    return len(words) - SHINGLE + 1


def _shingles(words: Words) -> Iterator[bytes]:
    return (b" ".join(words[i : i + SHINGLE]) for i in range(_size(words)))


def _hashes(sentences: list[Words]) -> NDArray[np.uint32]:
    """A hash of _INDEX_BITS bits of each shingle of each sentence, in order."""
    flat = [word for words in sentences for word in words]
    if not flat:
        return np.zeros(0, np.uint32)
    codes = np.fromiter(map(crc32, flat), np.uint32, len(flat))
    mixed = codes[: -SHINGLE + 1].copy()
    for place in range(1, SHINGLE):
        mixed = mixed * np.uint32(0x9E3779B1) + codes[place : len(codes) - SHINGLE + 1 + place]
    mixed = (mixed ^ (mixed >> np.uint32(15))) * np.uint32(0x85EBCA6B)
    lengths = np.array([len(words) for words in sentences])
    inside = np.ones(len(flat), bool)  # shingles across two sentences are none
    for back in range(1, SHINGLE):
        inside[np.cumsum(lengths) - back] = False
    return mixed[inside[: len(mixed)]] >> np.uint32(32 - _INDEX_BITS)


def _minhash(words: Words) -> MinHash:
    sketch = MinHash(num_perm=BANDS * ROWS, seed=SEED, hashfunc=crc32, permutations=_PERMUTATIONS, scheme="affine32")
    sketch.update_batch(_shingles(words))
    return sketch
