"""Reader of the BioSemantics chemical patent corpus (Akhondi et al. 2014): Brat whose offsets need repair.

A document is a part of a patent, as the paper's authors took it. Names that a line break cuts have a blank there in
the text column; some mentions are empty, of some the end is wrong.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from corpora.documents import CorpusError, Document, Mention, told
from corpora.readers.brat import Pair, TextBound, text_bound, texts_and_annotations
from corpora.readers.standoff import SHOWN, numbers

logger = logging.getLogger(__name__)


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """The parts in the order of the folder or archive; labels are those of the source.

    An empty mention is left out. An end is put right where the text column stands at the start. A part in which a
    mention still does not read as its text column is left out whole, as the authors cleaned their corpora. Line
    breaks count as blanks in all this; where a mention has several spans the column may mark the gaps with dots.
    What was done is counted in the log.

    Raises CorpusError as the reader of Brat does, but for offsets only where no part is left.
    """
    counts: Counter[str] = Counter()
    for pair in texts_and_annotations(source, patterns):
        mentions = _mentions(pair, counts)
        if mentions is None:
            counts["parts_left_out"] += 1
            continue
        counts["parts"] += 1
        yield Document(pair.id, pair.text, mentions, split=pair.split)
    logger.info("%s: %s", source, told(counts))
    if not counts["parts"]:
        raise CorpusError(source, None, "has no part whose mentions all fit its text", "correct `members` or `format`")


def _mentions(pair: Pair, counts: Counter[str]) -> tuple[Mention, ...] | None:
    """The mentions of a part, repaired; None where one cannot be."""
    mentions = []
    for line in text_bound(pair.annotations, f"{pair.place}.ann"):
        if all(start == end for start, end in line.spans) or not line.column.strip():
            counts["empty_mentions"] += 1
            continue
        spans = _spans(line, pair.text)
        if spans is None:
            counts["mentions_that_do_not_fit"] += 1
            if counts["mentions_that_do_not_fit"] <= SHOWN:
                problem = "%s.ann:%d: %r does not stand at its offsets; this part is left out"
                logger.warning(problem, pair.place, line.number, line.column[:80])
            return None
        counts["ends_put_right"] += len(line.spans) == 1 and spans[0][1] != int(line.spans[0][1])
        mentions.append(Mention(line.label, spans))
    return tuple(mentions)


def _spans(line: TextBound, text: str) -> tuple[tuple[int, int], ...] | None:
    if not all(numbers(*pair) for pair in line.spans):
        return None
    pairs = sorted((int(start), int(end)) for start, end in line.spans if start != end)
    if any(left[1] > right[0] for left, right in pairwise(pairs)) or any(start > end for start, end in pairs):
        return None
    wanted = line.column.split()
    if len(pairs) == 1:
        start, end = pairs[0]
        stated = start + len(line.column.strip())
        for stop in (end, stated):
            if start < stop <= len(text) and text[start:stop].split() == wanted:
                words = text[start:stop].rstrip()
                return ((start + len(words) - len(words.lstrip()), start + len(words)),)
        return None
    found = " ".join(text[start:end] for start, end in pairs)
    within = pairs[-1][1] <= len(text)
    return tuple(pairs) if within and found.split() == [word for word in wanted if word.strip(".\u2026")] else None
