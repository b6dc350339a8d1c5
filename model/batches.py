"""Word vectors, and a corpus cut into seeded batches of numbers.

Rare words: as in NeuroNER a token that occurs once in the training part is read as the unknown word with probability
0.5 at each visit, its characters are kept.
"""

from __future__ import annotations

import hashlib
import json
import re
import tokenize
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model.corpus import Corpus, Integers, ranges
from model.settings import ModelError

UNKNOWN = -1  # vector row of a word without vector
_DIGIT = re.compile(r"\d")
# What numpy and the parser of its files' headers raise.
_DAMAGE = (
    *(OSError, ValueError, LookupError, TypeError, OverflowError, SyntaxError, RecursionError, EOFError),
    tokenize.TokenError,
)
_REMEDY = "make the word vectors again"
_POOL = 50  # batches whose sentences are sorted by length together; keeps batches even and still random


class WordVectors:
    """Frozen vectors of the words that some text holds, taken from a file that holds more.

    `matrix` (words, dimension) is float32, `rows` has a word's row in it, and `origin` is the SHA-256 of the file. All
    taggers that were trained with vectors of one file can be used with any others of it.
    """

    def __init__(self, rows: Mapping[str, int], matrix: NDArray[np.float32], origin: str) -> None:
        self._rows = rows
        self.matrix = matrix
        self.origin = origin

    @classmethod
    def load(cls, folder: Path) -> WordVectors:
        """Read `words.txt`, a word a line, `vectors.npy`, their rows, and `vectors.json`.

        Of the last one two keys are read: `sha256`, that of the file where they come from, and `selection_sha256`, that
        of words.txt, a zero byte and the rows. The matrix is mapped, so that processes share it. Raises ModelError for
        files that are missing, damaged, or do not belong together.
        """
        words, vectors, description = (folder / name for name in ("words.txt", "vectors.npy", "vectors.json"))
        try:
            names = words.read_bytes()
            matrix: NDArray[np.float32] = np.lib.format.open_memmap(vectors, mode="c")  # type: ignore[no-untyped-call]
            tokens = names.decode("utf-8").removesuffix("\n").split("\n")
            told = json.loads(description.read_bytes())
            origin, selection = str(told["sha256"]), told["selection_sha256"]
        except _DAMAGE as error:
            raise ModelError(f"{folder}: word vectors that cannot be read ({error}); {_REMEDY}") from error
        if matrix.ndim != 2 or matrix.dtype != np.float32 or not matrix.size:
            problem = f"{matrix.dtype} {matrix.shape}; expected float32 [words, dimension]"
            raise ModelError(f"{vectors}: {problem}; {_REMEDY}")
        if not np.isfinite(matrix).all():
            raise ModelError(f"{vectors}: holds numbers that are not finite; {_REMEDY}")
        rows = {token: row for row, token in enumerate(tokens)}
        if len(rows) != len(matrix) or len(tokens) != len(matrix):
            problem = f"{len(tokens)} words, {len(rows)} different, but {len(matrix)} vectors in {vectors}"
            raise ModelError(f"{words}: {problem}; {_REMEDY}")
        digest = hashlib.sha256(names + b"\0")
        digest.update(np.ascontiguousarray(matrix).ravel().data)
        if digest.hexdigest() != selection:
            raise ModelError(f"{folder}: damaged, or words and vectors of two selections; {_REMEDY}")
        return cls(rows, matrix, origin)

    @property
    def dimension(self) -> int:
        """Numbers in a vector."""
        return int(self.matrix.shape[1])

    def row(self, token: str) -> int:
        """Row of the first spelling found: as it is, lower case, digits as 0, both; UNKNOWN if there is none."""
        digits = _DIGIT.sub("0", token)
        for spelling in (token, token.lower(), digits, digits.lower()):
            row = self._rows.get(spelling)
            if row is not None:
                return row
        return UNKNOWN


class Words(NamedTuple):
    """Distinct words, the longest first, as the layers read them: W words, C characters."""

    rows: NDArray[np.int64]  # (W,) vector row, or UNKNOWN
    letters: NDArray[np.int64]  # (C,) character ids, word after word
    firsts: NDArray[np.int64]  # (W,) first character
    lengths: NDArray[np.int64]  # (W,) falling


class Batch(NamedTuple):
    """Sentences end to end, the longest first: N tokens, S sentences, W distinct words, C characters of those."""

    rows: NDArray[np.int64]  # (N,) vector row, or UNKNOWN
    spellings: NDArray[np.int64]  # (N,) index of the token's distinct word
    letters: NDArray[np.int64]  # (C,) character ids
    word_firsts: NDArray[np.int64]  # (W,) first character of a word
    word_lengths: NDArray[np.int64]  # (W,) falling
    firsts: NDArray[np.int64]  # (S,) first token of a sentence
    lengths: NDArray[np.int64]  # (S,) falling
    tags: NDArray[np.int64]  # (N,) tag ids
    noise: NDArray[np.int16]  # (N, width) drawn evenly from all 16-bit integers, for dropout

    def filled(self, tokens: int, letters: int) -> Batch:
        """With so many tokens, as many words, and characters, by tokens of no sentence and words of a letter each.

        No two of these are the same, as gradients of the same place wait for one another. The noise is not filled up.
        """
        words, characters = len(self.word_firsts), len(self.letters)

        def fill(array: NDArray[np.int64], count: int, value: int = 0, step: int = 0) -> NDArray[np.int64]:
            return np.concatenate([array, value + step * np.arange(count - len(array))])

        return self._replace(
            rows=fill(self.rows, tokens),
            spellings=fill(self.spellings, tokens, words, 1),
            letters=fill(self.letters, letters),
            word_firsts=fill(self.word_firsts, tokens, characters, 1),
            word_lengths=fill(self.word_lengths, tokens, 1),
            tags=fill(self.tags, tokens),
        )


class Encoded:
    """A corpus with its words, characters and tags numbered for one tagger, from which batches are cut."""

    def __init__(
        self, corpus: Corpus, vectors: WordVectors, characters: Sequence[str], tags: Sequence[str] | None = None
    ) -> None:
        """Number the corpus; `tags` is needed for training only.

        Raises ModelError for a tag of the corpus that is not among them.
        """
        if tags is not None and (others := set(corpus.tag_names) - set(tags)):
            raise ModelError(f"the corpus has the tags {', '.join(sorted(others))}, which the tagger does not know")
        self.lengths = np.diff(corpus.borders)
        self._corpus = corpus
        known = {character: number for number, character in enumerate(characters, start=1)}  # 0 is the unknown one
        lengths = np.array([len(token) for token in corpus.vocabulary])
        order = np.argsort(-lengths, kind="stable")  # words are numbered anew, the longest first
        self._number = np.empty_like(order)
        self._number[order] = np.arange(len(order))
        vocabulary = [corpus.vocabulary[word] for word in order]
        self._rows = np.array([vectors.row(token) for token in vocabulary], dtype=np.int64)
        self._letters = np.array([known.get(c, 0) for token in vocabulary for c in token], dtype=np.int64)
        self._spelling_lengths = lengths[order]
        self._spelling_firsts = np.cumsum(self._spelling_lengths) - self._spelling_lengths
        self._singleton = (np.bincount(corpus.words, minlength=len(corpus.vocabulary)) == 1)[order]
        self._tags = np.array([0 if tags is None else tags.index(tag) for tag in corpus.tag_names])

    def words(self, numbers: NDArray[np.int64]) -> Words:
        """Distinct words given by their rising numbers."""
        lengths = self._spelling_lengths[numbers]
        letters = self._letters[ranges(self._spelling_firsts[numbers], lengths)]
        return Words(self._rows[numbers], letters, np.cumsum(lengths) - lengths, lengths)

    def tokens(self, sentences: Integers) -> NDArray[np.int64]:
        """Word numbers of the tokens of these sentences, end to end."""
        where = ranges(self._corpus.borders[sentences], self.lengths[sentences])
        numbers: NDArray[np.int64] = self._number[self._corpus.words[where]]
        return numbers

    def batch(self, sentences: Integers, generator: np.random.Generator | None = None, width: int = 0) -> Batch:
        """These sentences, which stand with the longest first.

        With a generator, words that occur once are unknown with probability 0.5, and there is noise of this width.
        """
        lengths = self.lengths[sentences]
        tokens = self.tokens(sentences)
        rows = self._rows[tokens]
        noise = np.zeros((len(tokens), 0), dtype=np.int16)
        if generator is not None:
            rows[self._singleton[tokens] & (generator.random(len(tokens)) < 0.5)] = UNKNOWN
            count = len(tokens) * width  # four of them in each 64-bit integer
            drawn = np.asarray(generator.bit_generator.random_raw(-(-count // 4))).view(np.int16)
            noise = drawn[:count].reshape(len(tokens), width)
        distinct, spellings = np.unique(tokens, return_inverse=True)
        words = self.words(distinct)
        firsts = np.cumsum(lengths) - lengths
        tags = self._tags[self._corpus.tags[ranges(self._corpus.borders[sentences], lengths)]]
        return Batch(rows, spellings, words.letters, words.firsts, words.lengths, firsts, lengths, tags, noise)

    def training_order(self, size: int, generator: np.random.Generator) -> list[Integers]:
        """Every sentence once in batches of up to `size` of similar length, the longest first, in random order."""
        shuffled = generator.permutation(len(self.lengths))
        pool = np.arange(len(shuffled)) // (size * _POOL)
        by_length = shuffled[np.lexsort((-self.lengths[shuffled], pool))] if size > 1 else shuffled
        batches = [by_length[first : first + size] for first in range(0, len(by_length), size)]
        return [batches[number] for number in generator.permutation(len(batches))]

    def prediction_order(self, size: int) -> list[Integers]:
        """Every sentence once in batches of up to `size`, the longest first."""
        falling = np.argsort(-self.lengths, kind="stable")
        return [falling[first : first + size] for first in range(0, len(falling), size)]
