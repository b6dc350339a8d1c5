"""The places of a text where gold, baseline and transfer are compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

Span = tuple[int, int]
"""Character offsets in a document, 0-based, end-exclusive."""


class Kind(IntEnum):
    """What a tagger did at a place, against gold; the numbers are those that page.js knows."""

    CORRECT = 0
    MISSED = 1  # gold has mentions here, the tagger none
    SPURIOUS = 2  # the tagger has mentions here, gold none
    BOUNDARY = 3  # both have, and they are not the same
    MISSED_AND_SPURIOUS = 4  # both have, and none of the tagger's overlaps one of gold


@dataclass(frozen=True, slots=True)
class Place:
    """Mentions that overlap one another, directly or through others, by layer: gold, baseline, transfer."""

    gold: tuple[Span, ...]
    baseline: tuple[Span, ...]
    transfer: tuple[Span, ...]

    @property
    def start(self) -> int:
        """Offset of the first character of any layer."""
        return min(start for layer in (self.gold, self.baseline, self.transfer) for start, _ in layer)

    @property
    def end(self) -> int:
        """Offset after the last character of any layer."""
        return max(end for layer in (self.gold, self.baseline, self.transfer) for _, end in layer)

    def kind(self, predicted: tuple[Span, ...]) -> Kind:
        """What the tagger with these mentions did here."""
        if predicted == self.gold:
            return Kind.CORRECT
        if not predicted:
            return Kind.MISSED
        if not self.gold:
            return Kind.SPURIOUS
        # A place may hold together by the other tagger's mentions alone.
        touches = any(start < b and a < end for start, end in predicted for a, b in self.gold)
        return Kind.BOUNDARY if touches else Kind.MISSED_AND_SPURIOUS


def places(gold: Iterable[Span], baseline: Iterable[Span], transfer: Iterable[Span]) -> list[Place]:
    """The places of a document in order; every mention is in exactly one.

    >>> places([(0, 4)], [(0, 4), (9, 12)], [(2, 7)])[0].transfer
    ((2, 7),)
    """
    spans = sorted((span, layer) for layer, own in enumerate((gold, baseline, transfer)) for span in own)
    found: list[list[list[Span]]] = []
    reach = 0
    for span, layer in spans:
        if not found or span[0] >= reach:
            found.append([[], [], []])
        reach = max(reach, span[1])
        found[-1][layer].append(span)
    return [Place(*(tuple(layer) for layer in place)) for place in found]
