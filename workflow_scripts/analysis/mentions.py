"""Mentions from files of tagged tokens, and counts of them document by document.

A file has one token a line (token, document, start, end, then one or two columns of BIOES tags; tab-separated) and a
blank line after a sentence. `predictions.tsv` of a run has two: gold, predicted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Mention(NamedTuple):
    """A span of a document's text: 0-based character offsets, `end` exclusive. The class is that of its file."""

    document: str
    start: int
    end: int


@dataclass(frozen=True)
class Tagged:
    """The documents of a file, in order, also those without mentions; and one set of mentions a column of tags."""

    documents: tuple[str, ...]
    mentions: tuple[frozenset[Mention], ...]

    @property
    def gold(self) -> frozenset[Mention]:
        """The mentions of the first column."""
        return self.mentions[0]

    @property
    def predicted(self) -> frozenset[Mention]:
        """The mentions of the second column."""
        return self.mentions[1]


def read_tagged(path: Path, columns: int) -> Tagged:
    """The mentions of a file with that many columns of tags.

    Mentions are chunks by conlleval's rules with E and S read as in its IOBES ports (Tjong Kim Sang and Buchholz,
    2000): a token continues the chunk of the token before it exactly if that one has B or I, this one has I or E, and
    both have the same type; any other token that is not O starts a chunk.
    Raises ValueError naming file and line for a line of another form.
    """
    documents: dict[str, None] = {}
    found: list[list[Mention]] = [[] for _ in range(columns)]
    before = ["O"] * columns
    with path.open(encoding="utf-8", newline="\n") as lines:
        for number, line in enumerate(lines, start=1):
            if line == "\n":
                before = ["O"] * columns
                continue
            try:
                _, document, start, end, *tags = line.rstrip("\n").split("\t")
                if len(tags) != columns or any(tag[:1] not in ("O", "B", "I", "E", "S") for tag in tags):
                    raise ValueError
                span = int(start), int(end)
            except ValueError:
                raise ValueError(
                    f"{path}:{number}: expected token, document, start, end and {columns} BIOES tag(s), "
                    f"tab-separated; found {line.rstrip()!r}; make the file again"
                ) from None
            documents[document] = None
            for column, tag in enumerate(tags):
                if tag != "O":
                    last = before[column]
                    if last[0] in "BI" and tag[0] in "IE" and last[1:] == tag[1:]:
                        found[column][-1] = Mention(document, found[column][-1].start, span[1])
                    else:
                        found[column].append(Mention(document, *span))
                before[column] = tag
    return Tagged(tuple(documents), tuple(map(frozenset, found)))


def pairs_by_seed(paths: Sequence[Path]) -> dict[int, tuple[Path, Path]]:
    """Baseline and transfer predictions of one data set by seed; a seed that lacks one of the two is left out.

    `paths` are ``…/{regime}/share{share}/seed{seed}/predictions.tsv`` with the regimes baseline and transfer.
    """
    by_run = {(path.parts[-4], int(path.parts[-2].removeprefix("seed"))): path for path in paths}
    seeds = sorted(seed for regime, seed in by_run if regime == "baseline" and ("transfer", seed) in by_run)
    return {seed: (by_run["baseline", seed], by_run["transfer", seed]) for seed in seeds}


def document_counts(runs: Sequence[Tagged]) -> NDArray[np.int64]:
    """Counts that F1 needs, of shape (runs, documents, 2): correct mentions, and gold plus predicted mentions.

    F1 over any documents is 200 · (sum of the first) / (sum of the second) percent. Documents are in the order of the
    first run. Raises ValueError if the runs were not scored on the same documents and gold mentions.
    """
    first = runs[0]
    row = {document: number for number, document in enumerate(first.documents)}
    counts = np.zeros((len(runs), len(row), 2), dtype=np.int64)
    for number, run in enumerate(runs):
        if set(run.documents) != set(first.documents) or run.gold != first.gold:
            raise ValueError("predictions of one data set are on different test sets; delete its runs and run again")
        for mention in run.gold & run.predicted:
            counts[number, row[mention.document], 0] += 1
        for mentions in (run.gold, run.predicted):
            for mention in mentions:
                counts[number, row[mention.document], 1] += 1
    return counts
