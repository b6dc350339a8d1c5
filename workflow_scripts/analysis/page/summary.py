"""The first lines of the page: macro-averaged F1 of both regimes, and the error that transfer removed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from analysis.scores import CLASSES, compared, paper_table
from analysis.tables import PAPER_ERROR_REDUCTION, error_reduction


@dataclass(frozen=True)
class Row:
    """F1 (percent) of both regimes: of a data set, or the mean of a class with the paper's."""

    name: str
    baseline: float
    transfer: float
    is_mean: bool
    data_sets: int
    seeds: int
    paper: tuple[float, float] | None = None

    @property
    def gain(self) -> float:
        """Points of F1."""
        return self.transfer - self.baseline


@dataclass(frozen=True)
class Summary:
    """Means over data sets, and the rows below them; ``reduction`` is percent, None without any error to reduce."""

    baseline: float
    transfer: float
    reduction: float | None
    paper_reduction: float
    better: int
    data_sets: int
    seeds: int
    share: int
    rows: list[Row]
    low: int  # the axis
    high: int

    @property
    def gain(self) -> float:
        """Points of F1."""
        return self.transfer - self.baseline

    def at(self, f1: float) -> float:
        """Where an F1 stands on the axis, in percent of its length."""
        return round((f1 - self.low) / (self.high - self.low) * 100, 2)


def summarise(scores: pd.DataFrame, titles: Mapping[str, str]) -> Summary | None:
    """The comparison at the largest share that was run; None for a study that lacks one of the two regimes."""
    table = compared(scores)
    if table.empty:
        return None
    paper = paper_table("paper/table2.csv").set_index("entity")
    rows = []
    for entity, name in CLASSES.items():
        own = table[table.entity == entity]
        if own.empty:
            continue
        printed = (paper.f1_baseline.to_dict()[entity], paper.f1_transfer.to_dict()[entity])
        seeds = int(own.seeds.min())
        rows.append(Row(name, own.f1_baseline.mean(), own.f1_transfer.mean(), True, len(own), seeds, printed))
        rows += [
            Row(titles.get(corpus, corpus), baseline, transfer, False, 1, count)
            for corpus, baseline, transfer, count in zip(
                own.corpus.tolist(), own.f1_baseline.tolist(), own.f1_transfer.tolist(), own.seeds.tolist(), strict=True
            )
        ]
    pairs = zip(table.f1_baseline, table.f1_transfer, strict=True)
    reductions = [error_reduction(baseline, transfer) for baseline, transfer in pairs if baseline < 100]
    drawn = [f1 for row in rows for f1 in (row.baseline, row.transfer, *(row.paper or ()))]
    low, high = max(0, math.floor((min(drawn) - 1) / 5) * 5), min(100, math.ceil((max(drawn) + 1) / 5) * 5)
    return Summary(
        baseline=float(table.f1_baseline.mean()),
        transfer=float(table.f1_transfer.mean()),
        reduction=sum(reductions) / len(reductions) if reductions else None,
        paper_reduction=PAPER_ERROR_REDUCTION,
        better=int((table.f1_transfer > table.f1_baseline).sum()),
        data_sets=len(table),
        seeds=int(table.seeds.max()),
        share=int(table.share.max()),
        rows=rows,
        low=low,
        high=high,
    )
