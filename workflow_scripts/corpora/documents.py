"""Documents and mentions: what every reader yields and every later step takes."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from printable import printable

SHOWN = 4000  # characters of a problem, and of a remedy


class CorpusError(ValueError):
    """Input that cannot be used: where it stands, what is wrong with it, and what to do.

    The message is one line, ``file:line: what is wrong; remedy``; the line is left out where there is none.
    """

    def __init__(self, place: str | Path, line: int | None, problem: str, remedy: str) -> None:
        super().__init__(place, line, problem, remedy)  # so that it passes from one process to another

    def __str__(self) -> str:
        place, line, problem, remedy = self.args
        where = f"{place}:{line}" if line is not None else str(place)
        shown = "; ".join(f"{part[:SHOWN]}{' ...' * (len(part) > SHOWN)}" for part in (problem, remedy))
        message = " ".join(part.strip() for part in re.split(r"[\r\n]+", f"{where}: {shown}"))
        return printable(message.encode(errors="backslashreplace").decode())  # names of files may be no characters


def told(counts: Counter[str]) -> str:
    """Counts in words, those that are not 0, for a log.

    >>> told(Counter(documents=1200, lost_mentions=0, mentions=7))
    '1,200 documents, 7 mentions'
    """
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in counts.items() if count)


@dataclass(frozen=True, slots=True)
class Mention:
    """One annotated name in a document's text.

    ``spans`` are character offsets, 0-based, end-exclusive, sorted, not overlapping and none empty; more than
    one span makes the mention discontinuous. ``composite`` marks a mention that names several entities at once
    ("renal and hepatic failure").
    """

    label: str
    spans: tuple[tuple[int, int], ...]
    composite: bool = False

    @property
    def start(self) -> int:
        """Offset of the first character."""
        return self.spans[0][0]

    @property
    def end(self) -> int:
        """Offset after the last character."""
        return self.spans[-1][1]


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its mentions, which lie inside the text.

    ``pmid`` and ``pmcid`` are digits or empty; ``split`` is "train", "dev", "test" or empty where the source
    states none.
    """

    id: str
    text: str
    mentions: tuple[Mention, ...] = ()
    pmid: str = ""
    pmcid: str = ""
    split: str = ""
