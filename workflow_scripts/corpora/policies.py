"""Named policies for mentions that a tagger of flat, contiguous chunks cannot take as they are.

Each takes the mentions of one document, sorted by start, end and label, and gives them back so. The defaults, hull
and keep, are what the paper's authors did with their corpora.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from corpora.documents import Mention

Mentions: TypeAlias = tuple[Mention, ...]
Policy: TypeAlias = Callable[[Mentions], Mentions]


def in_order(mentions: Iterable[Mention]) -> Mentions:
    """Sorted by start, end and label."""
    return tuple(sorted(mentions, key=_place))


def _place(mention: Mention) -> tuple[int, int, str, tuple[tuple[int, int], ...], bool]:
    spans = mention.spans
    return spans[0][0], spans[-1][1], mention.label, spans, mention.composite


def keep(mentions: Mentions) -> Mentions:
    """All of them."""
    return mentions


def hull(mentions: Mentions) -> Mentions:
    """A discontinuous mention from its first start to its last end, the gaps included."""
    if all(len(m.spans) == 1 for m in mentions):
        return mentions
    return in_order(replace(m, spans=((m.start, m.end),)) if len(m.spans) > 1 else m for m in mentions)


def first(mentions: Mentions) -> Mentions:
    """The first span of a discontinuous mention."""
    return in_order(replace(m, spans=m.spans[:1]) for m in mentions)


def drop_discontinuous(mentions: Mentions) -> Mentions:
    """Without mentions of more than one span."""
    return tuple(m for m in mentions if len(m.spans) == 1)


def drop_composite(mentions: Mentions) -> Mentions:
    """Without mentions that name several entities at once."""
    return tuple(m for m in mentions if not m.composite)


def longest(mentions: Mentions) -> Mentions:
    """Of mentions of one label that share characters the longest, of equally long ones the first."""
    kept: dict[str, list[Mention]] = {}  # each list in the order of the text
    for mention in sorted(mentions, key=lambda m: m.start - m.end):
        others = kept.setdefault(mention.label, [])
        place = bisect_right(others, mention.start, key=lambda m: m.start)
        after = place == 0 or others[place - 1].end <= mention.start
        if after and (place == len(others) or mention.end <= others[place].start):
            others.insert(place, mention)
    return in_order(m for others in kept.values() for m in others)


def merge(mentions: Mentions) -> Mentions:
    """Mentions of one label that share characters as one mention, their union."""
    merged: dict[str, list[Mention]] = {}
    for mention in hull(mentions):
        others = merged.setdefault(mention.label, [])
        if others and mention.start < others[-1].end:
            last = others[-1]
            span = (last.start, max(last.end, mention.end))
            others[-1] = replace(last, spans=(span,), composite=last.composite or mention.composite)
        else:
            others.append(mention)
    return in_order(m for others in merged.values() for m in others)


DISCONTINUOUS: Mapping[str, Policy] = {"hull": hull, "first": first, "drop": drop_discontinuous}
COMPOSITE: Mapping[str, Policy] = {"keep": keep, "drop": drop_composite}
OVERLAPPING: Mapping[str, Policy] = {"keep": keep, "longest": longest, "merge": merge}
