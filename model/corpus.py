"""Corpora as flat arrays, read from CoNLL files or from files of those arrays, and the sets of tags and characters.

A CoNLL file has no header; a line holds token, document, start, end (characters, end exclusive) and BIOES tag,
separated by tabs; a blank line ends each sentence. A file of arrays holds the same in the safetensors format, which is
mapped into memory and not read before it is used, so that a large corpus is there at once.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import save

from model.settings import ModelError

ARRAYS = ".safetensors"  # how the name of a file of arrays ends
TAG = re.compile(r"O|[BIES]-[^\s\x00-\x1f\x7f-\x9f]+")
_NAMES = ("vocabulary", "tag_names", "document_names")

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

    @property
    def holds_mentions(self) -> bool:
        """Whether any token has another tag than O."""
        return any(name != "O" and bool((self.tags == tag).any()) for tag, name in enumerate(self.tag_names))

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
        if fraction == 1:
            return self
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


def read_corpus(path: Path) -> Corpus:
    """Read a CoNLL file, or a file of arrays if its name ends with ARRAYS; ModelError for a file that is neither."""
    if path.suffix != ARRAYS:
        return read_conll(path)
    from safetensors.torch import load_file  # maps the file, which its numpy form does not; writing needs no torch

    try:
        arrays = {name: tensor.numpy() for name, tensor in load_file(path).items()}
        names: Any = [tuple(arrays.pop(name).tobytes().decode("utf-8").split("\n")) for name in _NAMES]
        if any(one.ndim != 1 or one.dtype.kind != "i" for one in arrays.values()):
            raise ValueError("one of them is no list of whole numbers")
        corpus = Corpus(*names, **arrays)
        for numbers, count in (
            (corpus.words, len(corpus.vocabulary)),
            (corpus.tags, len(corpus.tag_names)),
            (corpus.documents, len(corpus.document_names)),
            (corpus.borders, len(corpus.words) + 1),
        ):
            if not 0 <= numbers.min() <= numbers.max() < count:
                raise ValueError("its numbers do not fit together")
        tokens = {len(corpus.words), len(corpus.tags), len(corpus.starts), len(corpus.ends), int(corpus.borders[-1])}
        if len(tokens) > 1 or corpus.borders[0] != 0:
            raise ValueError("they are not of one length")
        if len(corpus.borders) != len(corpus) + 1 or (np.diff(corpus.borders) < 1).any():
            raise ValueError("its sentences are not in order")
        if len(set(corpus.vocabulary)) != len(corpus.vocabulary) or "" in corpus.vocabulary:
            raise ValueError("a word is empty or there twice")
        if not all(map(TAG.fullmatch, corpus.tag_names)):
            raise ValueError(f"one of its tags {', '.join(corpus.tag_names)[:80]} is none")
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: no file of corpus arrays ({error}); make it again from its CoNLL file") from error
    return corpus


def write_arrays(conll: Path, path: Path) -> None:
    """Write the corpus of a CoNLL file as a file of arrays, whole or not at all. Raises ModelError as `read_conll`."""
    corpus = read_conll(conll)
    arrays = {name: value for name, value in vars(corpus).items() if name not in _NAMES}
    names = {name: np.frombuffer("\n".join(getattr(corpus, name)).encode("utf-8"), np.uint8) for name in _NAMES}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(save(arrays | names))  # by Python, whose OSError says that the disk is full
    temporary.replace(path)


def read_conll(path: Path) -> Corpus:
    """Read a CoNLL file; ModelError with file and line for anything that the format does not allow."""
    vocabulary: dict[str, int] = {}
    tag_names: dict[str, int] = {}
    document_names: dict[str, int] = {}
    words, tags, starts, ends, documents = (array("i") for _ in range(5))
    borders = array("q", [0])
    document, end_before, number = "", 0, 0
    try:
        with path.open("rb") as lines:  # where nothing but a newline ends a line
            for number, raw in enumerate(lines, start=1):  # noqa: B007  # said in messages
                line = raw.decode("utf-8")
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
        raise ModelError(f"{path}:{number}: not UTF-8 ({error.reason}); convert the file again") from error
    except (ValueError, OverflowError) as error:
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
    if not TAG.fullmatch(tag):
        raise ModelError(f"tag {tag!r}; expected O, or B-, I-, E- or S- and a type")
    return token, document, int(start), int(end), tag


def tag_set(tags: Iterable[str]) -> tuple[str, ...]:
    """O and all four tags of each type that occurs, in alphabetical order, as NeuroNER numbers them."""
    types = {tag[2:] for tag in tags if tag != "O"}
    return tuple(sorted({"O", *(f"{prefix}-{kind}" for kind in types for prefix in "BIES")}))


def alphabet(corpus: Corpus, source: Sequence[str] = ()) -> tuple[str, ...]:
    """The characters of a training part, sorted, after those of `source` in their order."""
    occurs = np.bincount(corpus.words, minlength=len(corpus.vocabulary)) > 0
    used = set().union(*(corpus.vocabulary[word] for word in np.flatnonzero(occurs)))
    return (*source, *sorted(used.difference(source)))
