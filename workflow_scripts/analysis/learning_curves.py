"""Figure 2: F1 against the share of a corpus used for training; and how much labelling transfer saves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.notes import not_in_study
from analysis.scores import CLASSES, in_order, spread
from analysis.style import GREY, REGIME_STYLE, add_notes, panels, without_data

# Section 3.2: with transfer and 10 % miRNA is about where it is with 28 % without.
PAPER_BASELINE_SHARE = {"DISO/mirna": 28.0}
RESAMPLES = 9999
RANDOM_STATE = 1

LAYERS_OF = {"baseline": "none", "transfer": "crf"}


def figure2_learning_curves(
    scores: pd.DataFrame, titles: Mapping[str, str], left_out: Sequence[tuple[str, str]]
) -> Figure:
    """One panel a data set: mean F1 of both regimes at every share, error bars of one standard deviation over seeds.

    `scores` are the figure's own runs; `left_out` are (class, corpus) pairs to be named as missing. A grey line leads
    from transfer at the smallest share to the baseline's curve at the same F1, where `label_savings` reads its number.
    """
    points = spread(scores)
    data_sets = _data_sets(points)
    notes = not_in_study(left_out, titles)
    if not data_sets:
        return without_data(" ".join(["No learning curve: no data set of this study is configured for it.", *notes]))
    figure, axes = panels(len(data_sets), columns=2, height=2.35)
    for letter, axis, (entity, corpus) in zip(_letters(), axes, data_sets, strict=False):
        here = points[(points.entity == entity) & (points.corpus == corpus)]
        for regime, layers in LAYERS_OF.items():
            curve = here[here.layers == layers].sort_values("share")
            axis.errorbar(curve.share, curve["mean"], yerr=curve.sd.fillna(0), **REGIME_STYLE[regime])
        _draw_saving(axis, *_curves(scores, entity, corpus))
        axis.set_xticks(sorted(set(here.share)))
        axis.set_title(f"{titles[corpus]} ({CLASSES[entity].lower()})")
        axis.set_title(letter, loc="left", fontweight="bold", fontsize=9)
        axis.set(xlabel="Training set (% of the corpus)", ylabel="F1 (%)")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", lw=0.4, alpha=0.6)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    add_notes(figure, [*_lonely_notes(points), *seeds_notes(points), *notes])
    return figure


def _draw_saving(axis: Axes, transfer: np.ndarray, shares: Sequence[int], baseline: Sequence[np.ndarray]) -> None:
    """The dotted line from transfer at the smallest share to the baseline at the same F1, and down to its share."""
    saved = baseline_share(transfer, shares, baseline)
    if saved is None or saved == shares[0]:
        return
    bottom, top = axis.get_ylim()
    level, reached = transfer.mean(), bool(np.isfinite(saved))
    end = saved if reached else shares[-1]
    line: dict[str, Any] = {"color": GREY, "lw": 0.8, "ls": ":", "zorder": 1}
    axis.plot([shares[0], end], [level, level], **line)
    if reached:
        axis.plot([end, end], [level, bottom], **line)
        axis.annotate(f"{saved:.0f} %", (end, bottom), (3, 3), textcoords="offset points", color=GREY, fontsize=7)
    else:
        text = f"> {end} %"
        axis.annotate(
            text, (end, level), (0, -3), textcoords="offset points", ha="right", va="top", color=GREY, fontsize=7
        )
    axis.set_ylim(bottom, top)


def label_savings(scores: pd.DataFrame, titles: Mapping[str, str], resamples: int = RESAMPLES) -> pd.DataFrame:
    """Which share without transfer gives the F1 of the smallest share with it (section 3.2), a row a data set.

    `baseline_share` (percent of the corpus) is read off the baseline's mean curve by linear interpolation; infinite
    where the curve does not get there, the smallest share where transfer gains nothing. The 95 % interval is a
    percentile bootstrap over seeds, drawn anew for each point of both curves: it assumes independent trainings, and
    with three seeds is only a rough guide (Efron and Tibshirani, 1993). NaN for one seed.
    """
    points = spread(scores)
    rows = []
    for entity, corpus in _data_sets(points):
        key = f"{entity}/{corpus}"
        transfer, shares, baseline = _curves(scores, entity, corpus)
        saved = baseline_share(transfer, shares, baseline)
        if saved is None:
            continue
        row: dict[str, object] = {"data_set": key, "class": CLASSES[entity], "corpus": titles[corpus]}
        row |= {"share": shares[0], "seeds": len(transfer), "f1_transfer": transfer.mean()}
        row["f1_baseline"] = baseline[0].mean()
        low, high = _interval(transfer, shares, baseline, resamples)
        row |= {"baseline_share": saved, "baseline_share_low": low, "baseline_share_high": high}
        row["baseline_share_paper"] = PAPER_BASELINE_SHARE.get(key, float("nan"))
        rows.append(row)
    columns = ["share", "seeds", "f1_transfer", "f1_baseline"]
    columns += ["baseline_share", "baseline_share_low", "baseline_share_high", "baseline_share_paper"]
    return pd.DataFrame(rows, columns=["data_set", "class", "corpus", *columns])


def baseline_share(transfer: np.ndarray, shares: Sequence[int], baseline: Sequence[np.ndarray]) -> float | None:
    """The share at which the baseline's mean curve first reaches transfer's mean F1 at the smallest share.

    `transfer` has F1 by seed at the smallest share, `baseline` for each of `shares`, which ascend. None without runs of
    both at the smallest share.

    >>> baseline_share(np.array([80.0]), [10, 20, 30], [np.array([70.0]), np.array([78.0]), np.array([82.0])])
    25.0
    """
    if not len(transfer) or not baseline or not len(baseline[0]):
        return None
    target = transfer.mean()
    curve = [f1.mean() for f1 in baseline]
    if curve[0] >= target:
        return float(shares[0])
    for (left, right), (low, high) in zip(pairwise(shares), pairwise(curve), strict=True):
        if high >= target:
            return float(left + (right - left) * (target - low) / (high - low))
    return float("inf")


def _interval(
    transfer: np.ndarray, shares: Sequence[int], baseline: Sequence[np.ndarray], resamples: int
) -> tuple[float, float]:
    if min(len(transfer), *map(len, baseline)) < 2:
        return float("nan"), float("nan")
    rng = np.random.default_rng(RANDOM_STATE)

    def again(f1: np.ndarray) -> np.ndarray:
        return rng.choice(f1, len(f1))

    drawn = [baseline_share(again(transfer), shares, [again(f1) for f1 in baseline]) for _ in range(resamples)]
    # An observed value at each end, since infinite ones cannot be averaged.
    low, high = np.quantile(np.array(drawn, dtype=float), [0.025, 0.975], method="inverted_cdf")
    return float(low), float(high)


def seeds_notes(points: pd.DataFrame) -> list[str]:
    """Says where there is one seed only, so that nothing can be said of the spread; see `scores.spread`."""
    return ["One seed a point: the spread over trainings is unknown."] if points.seeds.max() == 1 else []


def _lonely_notes(points: pd.DataFrame) -> list[str]:
    notes = []
    for regime, layers in LAYERS_OF.items():
        if not (points.layers == layers).any():
            notes.append(f"No runs of the regime {regime}.")
    return notes


def _data_sets(points: pd.DataFrame) -> list[tuple[str, str]]:
    table = in_order(points[["entity", "corpus"]].drop_duplicates())
    return list(zip(table.entity, table.corpus, strict=True))


def _curves(scores: pd.DataFrame, entity: str, corpus: str) -> tuple[np.ndarray, list[int], list[np.ndarray]]:
    here = scores[(scores.entity == entity) & (scores.corpus == corpus)]
    baseline = here[here.layers == "none"]
    shares = sorted(set(here.share))
    transfer = here[(here.layers == "crf") & (here.share == shares[0])].f1.to_numpy()
    return transfer, shares, [baseline[baseline.share == share].f1.to_numpy() for share in shares]


def _letters() -> list[str]:
    return [chr(ord("A") + number) for number in range(26)]
