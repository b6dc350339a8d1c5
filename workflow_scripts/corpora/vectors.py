"""Word vectors: those of a large file that the corpora use (paper, section 2.4).

A file is read as a stream, since the paper's has 4.4 GB, and a word is looked up as the
paper's program, NeuroNER, does.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from corpora.archives import written_whole
from corpora.conll import read_conll
from corpora.documents import CorpusError
from corpora.word2vec import read_word2vec

logger = logging.getLogger(__name__)

_FEW = 80  # percent of the tokens that have a vector: below, a warning
STEPS = ("as_is", "lower_case", "digits_to_zero", "lower_case_and_digits_to_zero")


def select_word_vectors(
    vectors: Path,
    conll_files: Sequence[Path],
    words: Path,
    matrix: Path,
    description: Path,
    *,
    dimension: int = 200,
    training: Mapping[str, int] | None = None,
) -> Counter[str]:
    """Keep the vectors that the tokens of CoNLL files are looked up under.

    ``vectors`` is a word2vec file as ``read_word2vec`` takes it, read once from start to end. A token is looked up as
    it is, in lower case, with every digit as 0, and with both; the first word found counts. Writes the words found,
    sorted, one a line, and their ``matrix``, a float32 .npy of shape (words, ``dimension``) whose row i belongs to
    word i; there is no row for unknown words. ``training`` has the settings of vectors that were trained here, None
    where they were given. The ``description``, a JSON object, says which vectors these are: origin ("given" or
    "trained"), file (its name), sha256, words_in_file, words (those kept), dimension, tokens_found_percent,
    training, and selection_sha256, that of the words' file, a zero byte and the matrix's rows.

    Gives, and logs, the number of different tokens found at each of STEPS and not_found, and that of all tokens and
    tokens_found. Raises CorpusError as ``read_word2vec`` does, and when no token is found.
    """
    tokens: Counter[str] = Counter()
    for path in conll_files:
        for sentence in read_conll(path):
            tokens.update(sentence.tokens)
    wanted = {word.encode() for token in tokens for word in lookup_order(token)}
    found = read_word2vec(vectors, wanted, dimension)
    del wanted
    counts = Counter(dict.fromkeys((*STEPS, "not_found", "tokens_found"), 0))
    counts["tokens"] = tokens.total()
    kept: set[bytes] = set()
    for token, occurrences in tokens.items():
        for step, candidate in zip(STEPS, lookup_order(token), strict=True):
            if (word := candidate.encode()) in found.words:
                kept.add(word)
                counts[step] += 1
                counts["tokens_found"] += occurrences
                break
        else:
            counts["not_found"] += 1
    if not kept:
        raise CorpusError(vectors, None, "has none of the corpora's words", "give vectors of English text")
    ordered = sorted(kept)  # UTF-8 sorts as its characters do
    share = 100 * counts["tokens_found"] / counts["tokens"]
    facts = {
        "origin": "given" if training is None else "trained",
        "file": vectors.name,
        "sha256": found.sha256,
        "words_in_file": found.read,
        "words": len(ordered),
        "dimension": dimension,
        "tokens_found_percent": round(share, 2),
        "training": training if training is None else dict(training),
    }
    names = b"".join(word + b"\n" for word in ordered)
    digest = hashlib.sha256(names + b"\0")
    with written_whole(words) as temporary:
        temporary.write_bytes(names)
    with written_whole(matrix) as temporary, temporary.open("wb") as file:
        header = {"descr": "<f4", "fortran_order": False, "shape": (len(ordered), dimension)}
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(ordered), 4096):  # without a second copy of them in memory
            block = found.rows[[found.words[word] for word in ordered[start : start + 4096]]].tobytes()
            file.write(block)
            digest.update(block)
    facts["selection_sha256"] = digest.hexdigest()
    with written_whole(description) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8", newline="\n")
    steps = ", ".join(f"{step} {counts[step]}" for step in (*STEPS, "not_found"))
    if share < _FEW:
        logger.warning("%s: has only %.0f %% of the corpora's words; give vectors of text like theirs", vectors, share)
    logger.info(
        "%s: %d of %d words kept, %.2f %% of the tokens; words found: %s",
        vectors,
        len(ordered),
        found.read,
        share,
        steps,
    )
    return counts


def lookup_order(token: str) -> tuple[str, str, str, str]:
    """The words that a token is looked up under, in order of STEPS; digits are Unicode's."""
    lower = token.lower()
    return token, lower, re.sub(r"\d", "0", token), re.sub(r"\d", "0", lower)
