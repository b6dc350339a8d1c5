"""CoNLL files as flat arrays, the vocabularies that number their parts, and seeded mini-batches.

A CoNLL file has no header; a line holds token, document, start, end (characters, end exclusive) and BIOES tag,
separated by tabs; a blank line ends each sentence. Rare words: as in NeuroNER a token that occurs once in the training
part is read as the unknown word with probability 0.5 at each visit, its characters are kept.
"""

from __future__ import annotations

import hashlib
import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from model.lstm import Packing
from model.settings import ModelError

UNKNOWN = -1  # vector row of a word without vector
_DIGIT = re.compile(r"\d")
_TAG = re.compile(r"O|[BIES]-\S+")
_POOL = 50  # batches whose sentences are sorted by length together; keeps batches even and still random

Integers = NDArray[np.integer]


@dataclass(frozen=True)
class Corpus:
    """Sentences as flat arrays; words, tags and documents are numbered in order of first appearance in the file."""

    vocabulary: tuple[str, ...]  # distinct tokens
    tag_names: tuple[str, ...]
    document_names: tuple[str, ...]
    words: Integers  # (tokens,) index into vocabulary
    tags: Integers  # (tokens,) index into tag_names
    starts: Integers  # (tokens,) first character in the document
    ends: Integers  # (tokens,) character after the last
    borders: Integers  # (sentences + 1,) first token of each sentence, and the number of tokens
    documents: Integers  # (sentences,) index into document_names

    def __len__(self) -> int:
        """Number of sentences."""
        return len(self.documents)

    def sentence_tags(self) -> list[list[str]]:
        """The gold tags, sentence by sentence."""
        names = [self.tag_names[tag] for tag in self.tags]
        return [names[a:b] for a, b in zip(self.borders[:-1], self.borders[1:], strict=True)]

    def part(self, fraction: float, seed: int) -> Corpus:
        """The sentences of a seeded share of the documents, rounded, at least one; fraction in (0, 1].

        For one seed a smaller share is a subset of a larger one. Raises ModelError for a fraction outside (0, 1].
        """
        if not 0 < fraction <= 1:
            raise ModelError(f"train_fraction is {fraction}; give a share of the training documents in (0, 1]")
        by_name = np.argsort(np.array(self.document_names, dtype=object), kind="stable")
        shuffled = np.random.default_rng(seed).permutation(by_name)
        chosen = shuffled[: max(1, round(fraction * len(shuffled)))]
        return self._select(np.flatnonzero(np.isin(self.documents, chosen)))

    def _select(self, sentences: Integers) -> Corpus:
        lengths = np.diff(self.borders)[sentences]
        tokens = ranges(self.borders[sentences], lengths)
        return replace(
            self,
            words=self.words[tokens],
            tags=self.tags[tokens],
            starts=self.starts[tokens],
            ends=self.ends[tokens],
            borders=np.concatenate([[0], np.cumsum(lengths)]),
            documents=self.documents[sentences],
        )


def ranges(starts: Integers, lengths: Integers) -> NDArray[np.int64]:
    """The integers of several ranges one after the other, given their starts and lengths.

    >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    result: NDArray[np.int64] = np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
    return result


def read_conll(path: Path) -> Corpus:
    """Read a CoNLL file; ModelError with file and line for anything that the format does not allow."""
    vocabulary: dict[str, int] = {}
    tag_names: dict[str, int] = {}
    document_names: dict[str, int] = {}
    words, tags, starts, ends, documents = (array("i") for _ in range(5))
    borders = array("q", [0])
    document, end_before, number = "", 0, 0
    try:
        with path.open(encoding="utf-8", newline="\n") as lines:  # no other character ends a line
            for line in lines:
                number += 1
                if line == "\n":
                    if len(words) > borders[-1]:
                        borders.append(len(words))
                        documents.append(document_names.setdefault(document, len(document_names)))
                    continue
                token, name, start, end, tag = _fields(line)
                if len(words) == borders[-1]:
                    document, end_before = name, 0
                if name != document:
                    raise ModelError(f"document {name!r} inside a sentence of {document!r}; put a blank line between")
                if not end_before <= start < end:
                    raise ModelError(
                        f"characters {start}-{end} after a token that ends at {end_before}; offsets must grow"
                    )
                end_before = end
                words.append(vocabulary.setdefault(token, len(vocabulary)))
                tags.append(tag_names.setdefault(tag, len(tag_names)))
                starts.append(start)
                ends.append(end)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); make the CoNLL file first") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not UTF-8 after line {number} ({error.reason}); convert the file again") from error
    except (ModelError, OverflowError) as error:
        raise ModelError(f"{path}:{number}: {error}") from error
    if len(words) > borders[-1]:
        raise ModelError(f"{path}:{number}: the last sentence has no blank line after it; the file may be cut off")
    if not documents:
        raise ModelError(f"{path}: no sentence in it; give a corpus with at least one")
    columns = (np.asarray(column) for column in (words, tags, starts, ends, borders, documents))
    return Corpus(tuple(vocabulary), tuple(tag_names), tuple(document_names), *columns)


def _fields(line: str) -> tuple[str, str, int, int, str]:
    columns = line.removesuffix("\n").split("\t")
    if len(columns) != 5:
        raise ModelError(f"{len(columns)} columns in {line!r}; expected token, document, start, end, tag")
    token, document, start, end, tag = columns
    if not (token and document):
        raise ModelError(f"empty token or document in {line!r}")
    if not (start.isdecimal() and end.isdecimal()):
        raise ModelError(f"offsets {start!r} and {end!r}; expected whole numbers")
    if not _TAG.fullmatch(tag):
        raise ModelError(f"tag {tag!r}; expected O, or B-, I-, E- or S- and a type")
    return token, document, int(start), int(end), tag


def tag_set(tags: Iterable[str]) -> tuple[str, ...]:
    """O and all four tags of each type that occurs, in alphabetical order, as NeuroNER numbers them."""
    types = {tag[2:] for tag in tags if tag != "O"}
    return tuple(sorted({"O", *(f"{prefix}-{kind}" for kind in types for prefix in "BIES")}))


def alphabet(corpus: Corpus, source: Sequence[str] = ()) -> tuple[str, ...]:
    """The characters of a training part, sorted, after those of `source` in their order."""
    used = set().union(*(corpus.vocabulary[word] for word in np.unique(corpus.words)))
    return (*source, *sorted(used.difference(source)))


class WordVectors:
    """The frozen word vectors: `matrix` (V, dimension) float32, row i for word i of the file, and their `sha256`."""

    def __init__(self, words: Path, vectors: Path) -> None:
        """Load both files; the matrix stays on disk until used. Raises ModelError if they do not belong together."""
        try:
            names = words.read_bytes()
            self.matrix: NDArray[np.float32] = np.load(vectors, mmap_mode="c", allow_pickle=False)
            tokens = names.decode("utf-8").removesuffix("\n").split("\n")
        except (OSError, ValueError, EOFError) as error:
            raise ModelError(f"{words} or {vectors} cannot be read ({error}); make the word vectors again") from error
        if self.matrix.ndim != 2 or self.matrix.dtype != np.float32 or not np.isfinite(self.matrix).all():
            raise ModelError(
                f"{vectors}: {self.matrix.dtype} {self.matrix.shape}; expected finite float32 [words, dimension]"
            )
        self._rows = {token: row for row, token in enumerate(tokens)}
        if len(self._rows) != len(self.matrix) or len(tokens) != len(self.matrix):
            raise ModelError(
                f"{words}: {len(tokens)} words, {len(self._rows)} different, but {len(self.matrix)} vectors in "
                f"{vectors}; make the word vectors again"
            )
        digest = hashlib.sha256(names + b"\0")
        digest.update(np.ascontiguousarray(self.matrix).ravel().data)
        self.sha256 = digest.hexdigest()

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


@dataclass(frozen=True)
class Batch:
    """Sentences end to end: N tokens, S sentences, D distinct words, C characters of the distinct words."""

    rows: Tensor  # (N,) vector row, or UNKNOWN
    unknown: Tensor  # the tokens whose row is UNKNOWN
    spellings: Tensor  # (N,) index of the token's distinct word
    characters: Tensor  # (C,) character ids
    spelled: Packing  # of the D words
    sentences: Packing  # of the S sentences
    tags: Tensor  # (N,) tag ids

    @cached_property
    def mask(self) -> Tensor:
        """(S, longest) False in padding."""
        lengths = self.sentences.lengths
        return torch.from_numpy(np.arange(lengths.max()) < lengths[:, None]).to(self.rows.device)

    @cached_property
    def grid(self) -> Tensor:
        """(S, longest) index of a token; 0 in padding."""
        steps = torch.arange(self.mask.shape[1], device=self.rows.device)
        return (self.sentences.firsts.unsqueeze(1) + steps) * self.mask

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        return Batch(**{field.name: getattr(self, field.name).to(device) for field in fields(self)})


class Encoded:
    """A corpus with its words, characters and tags numbered for one tagger, from which batches are cut."""

    def __init__(
        self, corpus: Corpus, vectors: WordVectors, characters: Sequence[str], tags: Sequence[str] | None = None
    ) -> None:
        """Number the corpus; `tags` is needed for training only and must hold every tag of the corpus."""
        self.lengths = np.diff(corpus.borders)
        self._borders = corpus.borders
        self._words = corpus.words
        self._rows = np.array([vectors.row(token) for token in corpus.vocabulary])
        # Character 0 is the unknown one.
        known = {character: number for number, character in enumerate(characters, start=1)}
        self._characters = np.array([known.get(c, 0) for token in corpus.vocabulary for c in token])
        self._spelling_lengths = np.array([len(token) for token in corpus.vocabulary])
        self._spelling_starts = np.cumsum(self._spelling_lengths) - self._spelling_lengths
        self._singleton = np.bincount(corpus.words, minlength=len(corpus.vocabulary)) == 1
        numbers = np.array([0 if tags is None else tags.index(tag) for tag in corpus.tag_names])
        self._tags = numbers[corpus.tags]

    def batch(self, sentences: Integers, generator: np.random.Generator | None = None) -> Batch:
        """These sentences, in this order; with a generator, words that occur once are unknown with probability 0.5."""
        lengths = self.lengths[sentences]
        tokens = ranges(self._borders[sentences], lengths)
        words = self._words[tokens]
        rows = self._rows[words]
        if generator is not None:
            dropped = self._singleton[words] & (generator.random(len(words)) < 0.5)
            rows = np.where(dropped, UNKNOWN, rows)
        distinct, spellings = np.unique(words, return_inverse=True)
        spelling_lengths = self._spelling_lengths[distinct]
        characters = self._characters[ranges(self._spelling_starts[distinct], spelling_lengths)]
        return Batch(
            torch.from_numpy(rows),
            torch.from_numpy(np.flatnonzero(rows == UNKNOWN)),
            torch.from_numpy(spellings),
            torch.from_numpy(characters),
            Packing.of(spelling_lengths),
            Packing.of(lengths),
            torch.from_numpy(self._tags[tokens]),
        )

    def training_order(self, size: int, generator: np.random.Generator) -> list[Integers]:
        """Every sentence once in batches of up to `size` of similar length, in random order."""
        shuffled = generator.permutation(len(self.lengths))
        pool = np.arange(len(shuffled)) // (size * _POOL)
        by_length = shuffled[np.lexsort((self.lengths[shuffled], pool))] if size > 1 else shuffled
        batches = self._cut(by_length, size)
        return [batches[number] for number in generator.permutation(len(batches))]

    def prediction_order(self, size: int) -> list[Integers]:
        """Every sentence once in batches of up to `size`, the longest first."""
        return self._cut(np.argsort(-self.lengths, kind="stable"), size)

    @staticmethod
    def _cut(sentences: Integers, size: int) -> list[Integers]:
        return [sentences[first : first + size] for first in range(0, len(sentences), size)]
