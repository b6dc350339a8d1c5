"""Word vectors: train them, or keep those of a large file that the corpora use (paper, section 2.4).

gensim reads and writes the word2vec formats and trains; a word is looked up as the paper's program, NeuroNER, does.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from gensim.models import KeyedVectors, Word2Vec

from corpora.archives import written_whole
from corpora.conll import read_conll
from corpora.documents import CorpusError

logger = logging.getLogger(__name__)

STEPS = ("as_is", "lower_case", "digits_to_zero", "lower_case_and_digits_to_zero")
_HEADER = re.compile(rb"\s*([0-9]+)\s+([0-9]+)\s*")
_REMEDY = "give a word2vec file: binary (.bin, .bin.gz), or text with one word and its numbers a line"


def train_word_vectors(
    conll_files: Sequence[Path],
    destination: Path,
    *,
    dimension: int = 200,
    window: int = 5,
    epochs: int = 5,
    minimum_count: int = 2,
    seed: int,
    threads: int = 1,
) -> None:
    """Train skip-gram vectors on the sentences of CoNLL files, each different sentence once, and write them.

    The format is word2vec's, binary where ``destination`` ends with ".bin" and text with a header elsewhere. With one
    thread the same input, settings and seed give the same file; with more they do not.

    Raises CorpusError when no token occurs ``minimum_count`` times, and as ``read_conll`` does.
    """
    with TemporaryDirectory(prefix="word_vectors_", dir=_folder(destination)) as folder:
        corpus = Path(folder) / "sentences.txt"
        sentences = 0
        with corpus.open("w", encoding="utf-8", newline="\n") as file:
            for tokens in _distinct_sentences(conll_files):
                file.write(" ".join(tokens) + "\n")
                sentences += 1
        model = Word2Vec(
            vector_size=dimension,
            window=window,
            min_count=minimum_count,
            sg=1,
            seed=seed,
            workers=threads,
            epochs=epochs,
        )
        model.build_vocab(corpus_file=str(corpus))
        if not model.wv.index_to_key:
            problem = f"no token occurs {minimum_count} times in {sentences} sentences"
            raise CorpusError(destination, None, problem, "lower minimum_count or add text")
        model.train(
            corpus_file=str(corpus),
            total_examples=model.corpus_count,
            total_words=model.corpus_total_words,
            epochs=epochs,
        )
    with written_whole(destination) as temporary:
        model.wv.save_word2vec_format(str(temporary), binary=destination.suffix == ".bin")
    words = len(model.wv.index_to_key)
    logger.info("%s: %d vectors of %d numbers from %d sentences", destination, words, dimension, sentences)


def _folder(destination: Path) -> Path:
    destination.parent.mkdir(parents=True, exist_ok=True)
    return destination.parent


def _distinct_sentences(conll_files: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    seen: set[bytes] = set()
    for path in conll_files:
        for sentence in read_conll(path):
            digest = hashlib.sha256("\n".join(sentence.tokens).encode()).digest()[:16]
            if digest not in seen:
                seen.add(digest)
                yield sentence.tokens


def select_word_vectors(
    vectors: Path, conll_files: Sequence[Path], words: Path, matrix: Path, *, dimension: int = 200
) -> Counter[str]:
    """Keep the vectors that the tokens of CoNLL files are looked up under.

    ``vectors`` is word2vec's binary format (.bin, .bin.gz) or text (any other name, .gz too) with or without a
    header. A token is looked up as it is, in lower case, with every digit as 0, and with both; the first word found
    counts. Writes the words found, sorted, one a line, and their ``matrix``, a float32 .npy of shape
    (words, ``dimension``) whose row i belongs to word i; there is no row for unknown words.

    Gives, and logs, the number of different tokens found at each of STEPS and not_found, and that of all tokens and
    tokens_found. Raises CorpusError for a file that is no word2vec file or not of this dimension, and when no token
    is found.
    """
    tokens: Counter[str] = Counter()
    for path in conll_files:
        for sentence in read_conll(path):
            tokens.update(sentence.tokens)
    model = _load(vectors, dimension)
    counts = Counter(dict.fromkeys((*STEPS, "not_found", "tokens_found"), 0))
    counts["tokens"] = tokens.total()
    kept: set[str] = set()
    for token, occurrences in tokens.items():
        for step, candidate in zip(STEPS, lookup_order(token), strict=True):
            if candidate in model.key_to_index:
                kept.add(candidate)
                counts[step] += 1
                counts["tokens_found"] += occurrences
                break
        else:
            counts["not_found"] += 1
    if not kept:
        raise CorpusError(vectors, None, "has none of the corpora's words", "give vectors of English text")
    ordered = sorted(kept)
    selected = np.stack([model.get_vector(word) for word in ordered]).astype(np.float32)
    if not np.isfinite(selected).all():
        raise CorpusError(vectors, None, "has vectors that are not finite numbers", "get the file again")
    with written_whole(words) as temporary:
        temporary.write_bytes("".join(f"{word}\n" for word in ordered).encode())
    with written_whole(matrix) as temporary, temporary.open("wb") as file:
        np.save(file, selected, allow_pickle=False)
    share = 100 * counts["tokens_found"] / counts["tokens"]
    found = ", ".join(f"{step} {counts[step]}" for step in (*STEPS, "not_found"))
    logger.info("%s: %d words kept, %.2f %% of the tokens; words found: %s", vectors, len(ordered), share, found)
    return counts


def lookup_order(token: str) -> tuple[str, str, str, str]:
    """The words that a token is looked up under, in order of STEPS; digits are Unicode's."""
    lower = token.lower()
    return token, lower, re.sub(r"\d", "0", token), re.sub(r"\d", "0", lower)


def _load(path: Path, dimension: int) -> KeyedVectors:
    name = path.name.removesuffix(".gz")
    binary = name.endswith(".bin")
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            first = file.readline(1 << 20)
        if not first:
            raise CorpusError(path, None, "is empty", _REMEDY)
        header = _HEADER.fullmatch(first)
        if binary and not header:
            raise CorpusError(path, 1, "has no header of two numbers", _REMEDY)
        width = int(header.group(2)) if header else len(first.split()) - 1
        if width != dimension:
            problem = f"vectors have {width} numbers, the configured dimension is {dimension}"
            raise CorpusError(path, 1, problem, f"set the dimension to {width} or give other vectors")
        # Words cut inside a character occur in the files of section 2.4; no token equals such a word.
        return KeyedVectors.load_word2vec_format(
            str(path), binary=binary, no_header=header is None, unicode_errors="replace"
        )
    except CorpusError:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise CorpusError(path, None, f"cannot be read as word vectors ({error})", _REMEDY) from error
