"""Tag sentences with a trained tagger."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from model.batches import Encoded
from model.corpus import Corpus
from model.engines import engine_for
from model.settings import ModelError
from model.tagger import Tagger


def tag(tagger: Tagger, sentences: Iterable[Iterable[str]], threads: int = 1) -> list[list[str]]:
    """The BIOES tags of sentences given as tokens, on the device where the tagger is; an empty sentence has none.

    `model.scores.chunks` gives the mentions in them. On a CPU `threads` share the work, which changes no tag. Raises
    ModelError for a sentence that is not cut into tokens, and a token that is empty or no text.
    """
    listed: list[list[str]] = []
    for sentence in [sentences] if isinstance(sentences, str) else sentences:
        if isinstance(sentence, str):
            raise ModelError(f"{sentence[:40]!r} is a text and no list of tokens; cut it into tokens first")
        listed.append(list(sentence))
    tokens = [token for sentence in listed for token in sentence]
    if bad := [token for token in tokens if not isinstance(token, str) or not token]:
        raise ModelError(f"a sentence to tag holds the token {bad[0]!r}; leave it out")
    filled = [number for number, sentence in enumerate(listed) if sentence]
    result: list[list[str]] = [[] for _ in listed]
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
        borders=np.cumsum([0, *(len(listed[number]) for number in filled)]),
        documents=np.zeros(len(filled), dtype=np.int64),
    )
    encoded = Encoded(corpus, tagger.word_vectors, tagger.alphabet)
    for number, tags in zip(filled, engine_for(tagger, threads=threads).tags(encoded), strict=True):
        result[number] = tags
    return result
