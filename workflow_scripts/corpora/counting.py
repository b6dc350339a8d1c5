"""The counts of Table 1, by the rule that reproduces the paper's.

Sentences are those of NLTK's Punkt splitter with its English parameters (Kiss and Strunk, 2006), tokens those of
NLTK's Penn Treebank tokenizer in each sentence, both in the whole text of a document without the white space around
it. They serve for counting alone: what is trained on comes from ``tokens``. NLTK is kept from looking for data: the
parameters come from a package that holds them as Python values.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from nltk.tokenize.punkt import PunktParameters, PunktSentenceTokenizer
from nltk.tokenize.treebank import TreebankWordTokenizer
from punkt import load_model

from corpora.archives import written_whole
from corpora.brat import third_column
from corpora.documents import Document, told

logger = logging.getLogger(__name__)


@cache
def _sentence_splitter() -> PunktSentenceTokenizer:
    model = load_model("english")
    parameters = PunktParameters()
    parameters.abbrev_types = set(model.abbrev_types)
    parameters.collocations = set(model.collocations)
    parameters.sent_starters = set(model.sent_starters)
    parameters.ortho_context.update(model.ortho_context)
    return PunktSentenceTokenizer(parameters)


def count(documents: Iterable[Document]) -> Counter[str]:
    """Documents, sentences, tokens, unique_tokens, annotations and unique_annotations of a corpus in Brat form.

    Annotations are the lines of the ``.ann`` files, unique ones their different third columns; case counts. Keys of
    nothing are there with 0.
    """
    counts = Counter(dict.fromkeys(("documents", "sentences", "tokens", "annotations"), 0))
    words: set[str] = set()
    names: set[str] = set()
    splitter, tokenizer = _sentence_splitter(), TreebankWordTokenizer()
    for document in documents:
        counts["documents"] += 1
        for sentence in splitter.tokenize(document.text.strip()):
            tokens = tokenizer.tokenize(sentence)
            counts["sentences"] += 1
            counts["tokens"] += len(tokens)
            words.update(tokens)
        counts["annotations"] += len(document.mentions)
        names.update(third_column(document.text[m.start : m.end]) for m in document.mentions)
    counts["unique_tokens"], counts["unique_annotations"] = len(words), len(names)
    return counts


def count_corpus(documents: Iterable[Document], destination: Path) -> Counter[str]:
    """Write the counts of a corpus to a JSON file, which appears whole or not at all."""
    counts = count(documents)
    with written_whole(destination) as temporary:
        temporary.write_text(json.dumps(dict(sorted(counts.items())), indent=2) + "\n", encoding="utf-8")
    logger.info("%s: %s", destination, told(counts))
    return counts
