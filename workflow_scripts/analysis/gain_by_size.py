"""Figure 3: gain in F1 by the size of the corpus."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from analysis.scores import CLASSES
from analysis.style import GREY, WIDTH, add_notes, without_data

SMALLEST_BIN = 3  # data sets: a box of fewer says nothing
SIGNIFICANT = 0.05
# Shape by significance: the paper's two, and what is left of the second after correction for the number of data sets.
SHAPES = {"p > 0.05": "o", "p ≤ 0.05": "^", "p ≤ 0.05 after Holm": "D"}
# Apart in lightness too (L* 53, 83, 69 and 12), for print in grey and for eyes that take red for green.
COLOURS = dict(zip(CLASSES.values(), ("#d55e00", "#ece133", "#56b4e9", "#202020"), strict=True))


def annotation_counts(statistics: Sequence[Path]) -> dict[str, int]:
    """The number of annotations by data set ("DISO/cdr"), from ``…/{entity}/{corpus}/statistics.json``."""
    return {"/".join(p.parts[-3:-1]): json.loads(p.read_text(encoding="utf-8"))["mentions"] for p in statistics}


def bins_of_equal_size(sizes: pd.Series, bins: int) -> pd.Series:
    """For each size the number of its bin, 0 upwards, so that bins hold about as many values each.

    Equal values share a bin. There are at most `bins`, and fewer rather than bins of under SMALLEST_BIN values. The
    idea is that of R's binr (Izrailev, 2015), done by quantiles.
    """
    for number in range(min(bins, len(sizes) // SMALLEST_BIN), 1, -1):
        found = pd.qcut(sizes, number, labels=False, duplicates="drop")
        if found.notna().all() and found.value_counts().min() >= SMALLEST_BIN:
            return found
    return pd.Series(0, index=sizes.index)


def significance_of(row: pd.Series) -> str:
    """The key of SHAPES for a row of the significance table."""
    if row.p_randomisation > SIGNIFICANT:
        return "p > 0.05"
    return "p ≤ 0.05" if row.p_randomisation_holm > SIGNIFICANT else "p ≤ 0.05 after Holm"


def figure3_gain_by_size(
    comparisons: pd.DataFrame, sizes: Mapping[str, int], bins: int, notes: Sequence[str]
) -> Figure:
    """Box plots of transfer's gain in F1 by number of annotations, each data set as a point on its box.

    `comparisons` is the table of `analysis.significance.significance`, `sizes` the annotations of its data sets.
    Boxes: quartiles and median, whiskers to the last point within 1.5 interquartile ranges (Tukey). Colour: class;
    shape: document-level randomisation test.
    """
    if comparisons.empty:
        return without_data(" ".join(["No gain to show: no data set has runs of both regimes.", *notes]))
    table = comparisons.assign(size=comparisons.data_set.map(sizes)).sort_values(["size", "data_set"])
    table["bin"] = bins_of_equal_size(table["size"], bins)
    figure = Figure(figsize=(WIDTH * 0.9, 3.3), layout="constrained")
    axis = figure.subplots()
    axis.axhline(0, color=GREY, lw=0.7, ls="--", zorder=1)
    labels = []
    for place, (_, group) in enumerate(table.groupby("bin")):
        if len(group) >= SMALLEST_BIN:
            axis.boxplot(
                group.difference, positions=[place], widths=0.62, showfliers=False, zorder=2,
                patch_artist=True, boxprops={"facecolor": "#f0f0f0", "edgecolor": GREY, "linewidth": 0.8},
                medianprops={"color": "black", "linewidth": 1.4},
                whiskerprops={"color": GREY}, capprops={"color": GREY},
            )  # fmt: skip
        offsets = np.linspace(-0.22, 0.22, len(group)) if len(group) > 1 else [0.0]
        for offset, (_, row) in zip(offsets, group.iterrows(), strict=True):
            axis.plot(
                place + offset, row.difference, SHAPES[significance_of(row)], ms=5.5,
                color=COLOURS[row["class"]], mec="black", mew=0.5, zorder=3,
            )  # fmt: skip
        low, high = group["size"].min(), group["size"].max()
        labels.append((f"{low:,}" if low == high else f"{low:,} – {high:,}") + f"\nn = {len(group)}")
    axis.set_xticks(range(len(labels)), labels)
    axis.set_xlim(-0.6, len(labels) - 0.4)
    axis.set(xlabel="Annotations in the gold-standard corpus", ylabel="Improvement in F1 (points)")
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(
        handles=_legend([n for n in COLOURS if n in set(table["class"])]), loc="outside right upper", frameon=False
    )
    add_notes(figure, notes)
    return figure


def _legend(classes: Sequence[str]) -> list[Line2D]:
    """Colours, then shapes, each under a heading."""

    def entry(label: str, marker: str = "", colour: str = "white") -> Line2D:
        return Line2D([], [], ls="", marker=marker, color=colour, mec="black", mew=0.5, ms=5.5, label=label)

    colours = [entry(name, "o", COLOURS[name]) for name in classes]
    shapes = [entry(name, marker) for name, marker in SHAPES.items()]
    return [entry("Class"), *colours, entry(""), entry("Randomisation test"), *shapes]
