"""Tag sentences with a trained tagger."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from model.batches import Encoded
from model.corpus import Corpus
from model.engines import engine_for
from model.settings import ModelError
from model.tagger import Tagger


def predict(tagger: Tagger, corpus: Encoded) -> list[list[str]]:
    """The best tags of every sentence, in the corpus's order, on the device where the tagger is."""
    return engine_for(tagger).tags(corpus)


def tag(tagger: Tagger, sentences: Sequence[Sequence[str]]) -> list[list[str]]:
    """The BIOES tags of sentences given as lists of tokens; an empty sentence has none.

    Raises ModelError for an empty token.
    """
    tokens = [token for sentence in sentences for token in sentence]
    if "" in tokens:
        raise ModelError("a sentence to tag holds an empty token; leave it out")
    filled = [number for number, sentence in enumerate(sentences) if sentence]
    result: list[list[str]] = [[] for _ in sentences]
    if not filled:
        return result
    numbers = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    nothing = np.zeros(len(tokens), dtype=np.int64)
    corpus = Corpus(
        vocabulary=tuple(numbers),
        tag_names=("O",),
        document_names=("",),
        words=np.array([numbers[token] for token in tokens]),
        tags=nothing,
        starts=nothing,
        ends=nothing,
        borders=np.cumsum([0, *(len(sentences[number]) for number in filled)]),
        documents=np.zeros(len(filled), dtype=np.int64),
    )
    encoded = Encoded(corpus, tagger.word_vectors, tagger.alphabet)
    for number, tags in zip(filled, predict(tagger, encoded), strict=True):
        result[number] = tags
    return result
