"""Mentions of a run's predictions, and the places of a text where gold, baseline and transfer are compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

Span = tuple[int, int]
"""Character offsets in a document, 0-based, end-exclusive."""


class Kind(IntEnum):
    """What a tagger did at a place, against gold; the numbers are those that page.js knows."""

    CORRECT = 0
    MISSED = 1  # gold has mentions here, the tagger none
    SPURIOUS = 2  # the tagger has mentions here, gold none
    BOUNDARY = 3  # both have, and they are not the same


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
        return Kind.BOUNDARY if self.gold else Kind.SPURIOUS


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


def chunks(offsets: Sequence[Span], tags: Sequence[str]) -> list[Span]:
    """The spans that a sentence's BIOES tags mark, broken sequences read by conlleval's rules.

    I or E goes on with the chunk of the token before it if that is B or I of the same class, else it begins one.

    >>> chunks([(0, 2), (3, 5), (6, 8)], ["B-DISO", "E-DISO", "E-DISO"])
    [(0, 5), (6, 8)]
    """
    spans: list[Span] = []
    previous = "O"
    for (start, end), tag in zip(offsets, tags, strict=True):
        if tag != "O":
            if tag[0] in "IE" and previous[0] in "BI" and previous[2:] == tag[2:]:
                start = spans.pop()[0]
            spans.append((start, end))
        previous = tag
    return spans


@dataclass(slots=True)
class Marked:
    """A test document's mentions in a file of predictions."""

    gold: list[Span]
    predicted: list[Span]


def read_predictions(path: Path) -> dict[str, Marked]:
    """Gold and predicted mentions of every document of a predictions.tsv, in the order of the file.

    The columns are token, document, start, end, gold tag and predicted tag; a blank line ends a sentence.
    Raises ValueError naming file and line for a line of another form.
    """
    documents: dict[str, Marked] = {}
    rows: list[list[str]] = []

    def end_sentence() -> None:
        if rows:
            offsets = [(int(row[2]), int(row[3])) for row in rows]
            document = documents.setdefault(rows[0][1], Marked([], []))
            document.gold += chunks(offsets, [row[4] for row in rows])
            document.predicted += chunks(offsets, [row[5] for row in rows])
            rows.clear()

    with path.open(encoding="utf-8", newline="\n") as file:
        for number, line in enumerate(file, start=1):
            row = line.rstrip("\n").split("\t")
            if row == [""]:
                end_sentence()
            elif len(row) == 6 and row[2].isdecimal() and row[3].isdecimal() and row[4] and row[5]:
                rows.append(row)
            else:
                problem = f"{line[:80]!r} is not token, document, start, end, gold tag, predicted tag"
                raise ValueError(f"{path}:{number}: {problem}; run the tagger again")
    end_sentence()
    return documents
