"""What kinds of errors the two regimes make on a data set, and which mentions transfer gains and loses.

All numbers are means over seeds of the study; baseline and transfer of one seed are compared with one another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from analysis.mentions import Mention, Tagged, pairs_by_seed, read_tagged
from analysis.scores import SCORES

KINDS = (
    ("correct", "gold and predicted"),
    ("boundary", "gold"),
    ("boundary", "predicted"),
    ("nested", "gold"),
    ("nested", "predicted"),
    ("missed", "gold"),
    ("spurious", "predicted"),
)
CHANGES = ("found", "lost", "false positive gone", "false positive new")
FREQUENT = 15  # strings shown a kind of change


@dataclass(frozen=True)
class DataSet:
    """What the error analysis of one data set needs."""

    pairs: tuple[tuple[Tagged, Tagged], ...]  # baseline and transfer, a pair a seed
    annotated: frozenset[Mention]  # every annotation of the corpus, nested ones too
    texts: Mapping[str, str]  # by document
    trained: frozenset[str]  # mentions of the training set, as `same_string` writes them

    def string(self, mention: Mention) -> str:
        """The text of a mention; white space as one blank."""
        return " ".join(self.texts[mention.document][mention.start : mention.end].split())


def read_data_set(predictions: Sequence[Path], train: Path, brat: Path) -> DataSet:
    """Read a data set: its runs' predictions, its training set (CoNLL), and its corpus in Brat standoff.

    Raises ValueError for files of another form, and OSError for documents that the corpus lacks.
    """
    pairs = tuple((read_tagged(b, 2), read_tagged(t, 2)) for b, t in pairs_by_seed(predictions).values())
    training = read_tagged(train, 1)
    tested = pairs[0][0].documents if pairs else ()
    texts = {document: _text(brat, document) for document in {*tested, *training.documents}}
    annotated = frozenset(mention for document in tested for mention in _annotations(brat / f"{document}.ann"))
    trained = frozenset(same_string(texts[m.document][m.start : m.end]) for m in training.gold)
    return DataSet(pairs, annotated, texts, trained)


def same_string(text: str) -> str:
    """The form in which two mentions count as the same string: case and white space do not matter."""
    return " ".join(text.casefold().split())


def kinds_of_errors(run: Tagged, annotated: frozenset[Mention]) -> dict[tuple[str, str], int]:
    """How many mentions of a run are of each of KINDS: (kind, on which side it is counted).

    Every predicted mention is one of: correct; nested, where the corpus annotates exactly that span but the flat tags
    hold another mention that overlaps it; boundary, where it overlaps a gold mention; spurious. Every gold mention is
    one of: correct; nested, where a nested prediction overlaps it; boundary, where another prediction does; missed.
    So the errors on the gold side are the false negatives, those on the predicted side the false positives.
    """
    counts = dict.fromkeys(KINDS, 0)
    counts["correct", "gold and predicted"] = len(run.gold & run.predicted)
    gold, predicted = _Spans(run.gold), _Spans(run.predicted)
    nested = {mention for mention in run.predicted - run.gold if mention in annotated and gold.overlapping(mention)}
    for mention in run.predicted - run.gold:
        kind = "nested" if mention in nested else "boundary" if gold.overlapping(mention) else "spurious"
        counts[kind, "predicted"] += 1
    for mention in run.gold - run.predicted:
        over = predicted.overlapping(mention)
        kind = "missed" if not over else "nested" if nested.intersection(over) else "boundary"
        counts[kind, "gold"] += 1
    return counts


def error_kinds(data: DataSet) -> pd.DataFrame:
    """Mentions of each kind under both regimes, and the change; see `kinds_of_errors`."""
    rows = []
    counted = [[kinds_of_errors(run, data.annotated) for run in pair] for pair in data.pairs]
    for kind, side in KINDS if counted else ():
        means = [sum(pair[regime][kind, side] for pair in counted) / len(counted) for regime in (0, 1)]
        row = {"kind": kind, "counted_among": side, "baseline": means[0], "transfer": means[1]}
        rows.append(row | {"change": means[1] - means[0]})
    return pd.DataFrame(rows, columns=["kind", "counted_among", "baseline", "transfer", "change"])


def strings_gained_and_lost(data: DataSet) -> pd.DataFrame:
    """The strings of mentions that transfer changes most often, by kind of change, at most FREQUENT each.

    found: gold mentions that transfer gets and the baseline does not; lost: the reverse; false positive gone: wrong
    mentions of the baseline that transfer does not predict; false positive new: the reverse. Strings as written.
    """
    counts: dict[str, Counter[str]] = {change: Counter() for change in CHANGES}
    for baseline, transfer in data.pairs:
        right, right_before = transfer.gold & transfer.predicted, baseline.gold & baseline.predicted
        wrong, wrong_before = transfer.predicted - transfer.gold, baseline.predicted - baseline.gold
        changed = (right - right_before, right_before - right, wrong_before - wrong, wrong - wrong_before)
        for change, mentions in zip(CHANGES, changed, strict=True):
            counts[change].update(data.string(mention) for mention in mentions)
    rows = [
        {"change": change, "string": string, "mentions": number / len(data.pairs)}
        for change, strings in counts.items()
        for string, number in sorted(strings.items(), key=lambda item: (-item[1], item[0]))[:FREQUENT]
    ]
    return pd.DataFrame(rows, columns=["change", "string", "mentions"])


def seen_and_unseen(data: DataSet) -> pd.DataFrame:
    """Precision, recall and F1 (percent) of both regimes on mentions whose string is a training mention, and on others.

    A predicted mention belongs to a row by its own string. Case and white space do not matter. The idea is that of
    Augenstein et al. (2017), Computer Speech and Language 44.
    """
    columns = [f"{score}_{regime}" for score in SCORES for regime in ("baseline", "transfer")]
    rows = []
    for name in ("seen", "unseen", "all") if data.pairs else ():
        row: dict[str, object] = {"mentions": name}
        gold = _only(data, data.pairs[0][0].gold, name)
        row["gold"] = len(gold)
        for number, regime in enumerate(("baseline", "transfer")):
            runs = [_only(data, pair[number].predicted, name) for pair in data.pairs]
            scores = pd.DataFrame([_scores(gold, run) for run in runs]).mean()  # of the runs that have one
            row |= {f"{score}_{regime}": value for score, value in zip(SCORES, scores, strict=True)}
        rows.append(row)
    return pd.DataFrame(rows, columns=["mentions", "gold", *columns])


def _scores(gold: set[Mention], predicted: set[Mention]) -> tuple[float, float, float]:
    """Precision, recall and F1; NaN for a share of nothing."""
    correct = 100 * len(gold & predicted)
    pairs = (correct, len(predicted)), (correct, len(gold)), (2 * correct, len(gold) + len(predicted))
    precision, recall, f1 = (part / whole if whole else float("nan") for part, whole in pairs)
    return precision, recall, f1


def _only(data: DataSet, mentions: Iterable[Mention], name: str) -> set[Mention]:
    if name == "all":
        return set(mentions)
    return {m for m in mentions if (same_string(data.string(m)) in data.trained) == (name == "seen")}


class _Spans:
    """Mentions that do not overlap one another, for finding those that overlap a given one."""

    def __init__(self, mentions: Iterable[Mention]) -> None:
        self.sorted: dict[str, list[Mention]] = {}
        for mention in sorted(mentions):
            self.sorted.setdefault(mention.document, []).append(mention)

    def overlapping(self, mention: Mention) -> list[Mention]:
        """Those that share a character with the mention."""
        spans = self.sorted.get(mention.document, [])
        first = bisect_left(spans, mention.start + 1, key=lambda span: span.end)
        last = bisect_left(spans, mention.end, key=lambda span: span.start)
        return spans[first:last]


def _text(brat: Path, document: str) -> str:
    with (brat / f"{document}.txt").open(encoding="utf-8", newline="") as file:
        return file.read()


def _annotations(path: Path) -> list[Mention]:
    """The annotations of a document, as hulls where discontinuous. Raises ValueError for a line of another form."""
    mentions = []
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.startswith("T"):
            try:
                offsets = line.split("\t")[1].split(" ", 1)[1].replace(";", " ").split()
                mentions.append(Mention(path.stem, int(offsets[0]), int(offsets[-1])))
            except (IndexError, ValueError):
                raise ValueError(
                    f"{path}:{number}: not a Brat annotation: {line!r}; convert the corpus again"
                ) from None
    return mentions
