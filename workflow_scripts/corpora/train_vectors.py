"""Word vectors trained on the study's own text, where none are given (section 2.4)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from corpora.archives import written_whole
from corpora.conll import read_conll
from corpora.documents import CorpusError

logger = logging.getLogger(__name__)


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
    from gensim.models import Word2Vec  # only here: it takes seconds and 100 MB, which selecting does without

    with written_whole(destination) as temporary:  # holds the sentences first, then the vectors
        sentences = 0
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
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
        model.build_vocab(corpus_file=str(temporary))
        if not model.wv.index_to_key:
            problem = f"no token occurs {minimum_count} times in {sentences} sentences"
            raise CorpusError(destination, None, problem, "lower minimum_count or add text")
        model.train(
            corpus_file=str(temporary),
            total_examples=model.corpus_count,
            total_words=model.corpus_total_words,
            epochs=epochs,
        )
        model.wv.save_word2vec_format(str(temporary), binary=destination.suffix == ".bin")
    words = len(model.wv.index_to_key)
    logger.info("%s: %d vectors of %d numbers from %d sentences", destination, words, dimension, sentences)


def _distinct_sentences(conll_files: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    seen: set[bytes] = set()
    for path in conll_files:
        for sentence in read_conll(path):
            digest = hashlib.sha256("\n".join(sentence.tokens).encode()).digest()[:16]
            if digest not in seen:
                seen.add(digest)
                yield sentence.tokens
