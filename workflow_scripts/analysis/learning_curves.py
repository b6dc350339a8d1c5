"""Figure 2: F1 against the share of a corpus used for training."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analysis.label_savings import baseline_share, curves, pairs_of
from analysis.notes import not_in_study, seeds_notes
from analysis.scores import CLASSES, spread
from analysis.style import GREY, REGIME_STYLE, add_notes, panel_name, panels, without_data

LAYERS_OF = {"baseline": "none", "transfer": "crf"}


def figure2_learning_curves(
    scores: pd.DataFrame, titles: Mapping[str, str], left_out: Sequence[tuple[str, str]]
) -> Figure:
    """One panel a data set: mean F1 of both regimes at every share, error bars of one standard deviation over seeds.

    `scores` are the figure's own runs; `left_out` are (class, corpus) pairs to be named as missing. A grey line leads
    from transfer at the smallest share to the baseline's curve at the same F1, where `label_savings` reads its number.
    """
    points = spread(scores)
    data_sets = pairs_of(points)
    notes = not_in_study(left_out, titles)
    if not data_sets:
        return without_data(" ".join(["No learning curve: no data set of this study is configured for it.", *notes]))
    figure, axes = panels(len(data_sets), columns=2, height=2.35)
    for number, (axis, (entity, corpus)) in enumerate(zip(axes, data_sets, strict=True)):
        here = points[(points.entity == entity) & (points.corpus == corpus)]
        for regime, layers in LAYERS_OF.items():
            curve = here[here.layers == layers].sort_values("share")
            axis.errorbar(curve.share, curve["mean"], yerr=error_bars(curve), **REGIME_STYLE[regime])
        _draw_saving(axis, *curves(scores, entity, corpus))
        axis.set_xticks(sorted(set(here.share)))
        axis.set_title(panel_title(titles[corpus], entity))
        axis.set_title(panel_name(number), loc="left", fontweight="bold", fontsize=9)
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
        middle = (shares[-2:][0] + end) / 2  # clear of error bars
        style: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "top"}
        axis.annotate(f"> {end} %", (middle, level), (0, -3), **style, color=GREY, fontsize=7)
    axis.set_ylim(bottom, top)


def error_bars(points: pd.DataFrame) -> pd.Series | None:
    """Standard deviations of points of `scores.spread`, 0 where there is one seed; None where there is one everywhere.

    Of `points` those of one line.
    """
    return points.sd.fillna(0) if points.sd.notna().any() else None


def panel_title(title: str, entity: str) -> str:
    """A corpus and its class, in as many lines as half a page's width needs."""
    return textwrap.fill(f"{title} ({CLASSES[entity].lower()})", 44)


def _lonely_notes(points: pd.DataFrame) -> list[str]:
    notes = []
    for regime, layers in LAYERS_OF.items():
        if not (points.layers == layers).any():
            notes.append(f"No runs of the regime {regime}.")
    return notes
