"""Figure 4: how far the right and the wrong decisions of baseline and transfer agree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib_venn import venn2

from analysis.mentions import Mention, pairs_by_seed, read_tagged
from analysis.scores import CLASSES
from analysis.style import BASELINE, TRANSFER, WIDTH, add_notes, without_data

SETS = {"tp": "True positives", "fn": "False negatives", "fp": "False positives"}
BOTH = "#d0d0d0"
PARTS = ("baseline_only", "transfer_only", "both")


def error_overlap(predictions: Sequence[Path]) -> pd.DataFrame:
    """Sizes of the sets of true positives, false negatives and false positives, and of their overlap, by class.

    `predictions` are ``…/{entity}/{corpus}/{regime}/share{share}/seed{seed}/predictions.tsv`` of one share. A mention
    is the same in both regimes if corpus, document and span are. Columns: class, data_sets, seeds, and for each of
    SETS ``{set}_{part}``, the mentions that are in that part only, summed over corpora, mean over seeds.
    """
    by_data_set: dict[str, list[Path]] = {}
    for path in predictions:
        by_data_set.setdefault("/".join(path.parts[-6:-4]), []).append(path)
    rows = []
    for data_set, paths in by_data_set.items():
        pairs = pairs_by_seed(paths)
        counts = dict.fromkeys((f"{s}_{part}" for s in SETS for part in PARTS), 0.0)
        for pair in pairs.values():
            baseline, transfer = (_sets(path) for path in pair)
            for name in SETS:
                before, after = baseline[name], transfer[name]
                for part, mentions in zip(PARTS, (before - after, after - before, before & after), strict=True):
                    counts[f"{name}_{part}"] += len(mentions) / len(pairs)
        if pairs:
            rows.append({"class": CLASSES[data_set.split("/")[0]], "data_sets": 1, "seeds": len(pairs), **counts})
    columns = ["class", "data_sets", "seeds", *(f"{s}_{part}" for s in SETS for part in PARTS)]
    table = pd.DataFrame(rows, columns=columns)
    sums = table.groupby("class").agg({c: "max" if c == "seeds" else "sum" for c in columns[1:]})
    return sums.reindex([name for name in CLASSES.values() if name in sums.index]).reset_index()


def figure4_error_overlap(overlap: pd.DataFrame, notes: Sequence[str]) -> Figure:
    """A row a class, a column each for true positives, false negatives, false positives; areas in proportion to counts.

    `overlap` is the table of `error_overlap`. Within a diagram areas compare, between diagrams only the numbers do.
    """
    if overlap.empty:
        return without_data(" ".join(["No overlap to show: no data set has runs of both regimes.", *notes]))
    figure = Figure(figsize=(WIDTH * 0.85, 0.4 + 1.15 * len(overlap)), layout="constrained")
    axes = figure.subplots(len(overlap), len(SETS), squeeze=False)
    for place, (_, counts) in enumerate(overlap.iterrows()):
        row = axes[place]
        for axis, (name, title) in zip(row, SETS.items(), strict=True):
            sizes = tuple(counts[f"{name}_{part}"] for part in PARTS)
            axis.set_axis_off()
            if place == 0:
                axis.set_title(title, fontsize=8.5)
            if sum(sizes) == 0:
                axis.text(0.5, 0.5, "none", ha="center", va="center", transform=axis.transAxes)
                continue
            _draw(axis, sizes)
        number = int(counts.data_sets)
        name = f"{counts['class']}\n({number} {'corpus' if number == 1 else 'corpora'})"
        row[0].text(-0.08, 0.5, name, transform=row[0].transAxes, rotation=90, ha="right", va="center", linespacing=1.4)
    labels = {BASELINE: "baseline only", BOTH: "both", TRANSFER: "transfer learning only"}
    handles = [Patch(color=colour, label=label) for colour, label in labels.items()]
    figure.legend(handles=handles, loc="outside upper center", ncols=3, frameon=False)
    add_notes(figure, notes)
    return figure


def _draw(axis: Axes, sizes: tuple[float, float, float]) -> None:
    """One diagram; the numbers of what only one regime has stand beside it, where they always have room."""
    diagram = venn2(sizes, ("", ""), ax=axis, subset_label_formatter=lambda number: f"{number:,.0f}")
    for part, colour in (("10", BASELINE), ("01", TRANSFER), ("11", BOTH)):
        patch, label = diagram.get_patch_by_id(part), diagram.get_label_by_id(part)
        if patch is not None:
            patch.set(facecolor=colour, alpha=1, edgecolor="none")
        if label is not None:
            label.set_fontsize(7.5)
    drawn = [(c.x - r, c.x + r) for c, r in zip(diagram.centers, diagram.radii, strict=True) if r > 0]
    left, right = min(drawn)[0], max(drawn, key=lambda ends: ends[1])[1]
    for part, x, side in (("10", left - 0.05, "right"), ("01", right + 0.05, "left")):
        label = diagram.get_label_by_id(part)
        if label is not None:
            label.set(x=x, ha=side)
    middle = (left + right) / 2  # the same frame for all: the areas of a diagram add up to 1
    axis.set(xlim=(middle - 1.15, middle + 1.15), ylim=(-0.62, 0.62))


def _sets(path: Path) -> dict[str, frozenset[Mention]]:
    run = read_tagged(path, 2)
    return {"tp": run.gold & run.predicted, "fn": run.gold - run.predicted, "fp": run.predicted - run.gold}
