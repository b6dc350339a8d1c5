"""Figure S1: transfer of the layers one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from analysis.learning_curves import error_bars, panel_title
from analysis.notes import not_in_study, seeds_notes
from analysis.scores import in_order, spread
from analysis.style import add_notes, panel_name, panels, without_data

# The last layer copied from the source tagger, in the order of the network, as the scores name it.
LAYERS = {
    "none": "none (baseline)",
    "token_embeddings": "token embeddings",
    "character_embeddings": "+ character embeddings",
    "character_lstm": "+ character Bi-LSTM",
    "token_lstm": "+ token Bi-LSTM",
    "fully_connected": "+ fully connected",
    "crf": "+ CRF (all)",
}
MARKERS = "osD^vPX*<>"


def figure_s1_layers(scores: pd.DataFrame, titles: Mapping[str, str], left_out: Sequence[tuple[str, str]]) -> Figure:
    """One panel a data set, one line a share: mean F1 against the last layer transferred, bars of one SD over seeds."""
    points = spread(scores)
    notes = not_in_study(left_out, titles)
    table = in_order(points[["entity", "corpus"]].drop_duplicates())
    data_sets = list(zip(table.entity, table.corpus, strict=True))
    if not data_sets or not (points.layers != "none").any():
        reason = "No transfer of layers: this study has no data set configured for it, or no transfer at all."
        return without_data(" ".join([reason, *notes]))
    figure, axes = panels(len(data_sets), columns=2, height=2.9)
    shares = sorted(set(points.share))
    colours = sns.color_palette("viridis_r", len(shares) + 1)[1:]  # the palest is hard to see on white
    asides = [0.08 * (line - (len(shares) - 1) / 2) for line in range(len(shares))]  # or error bars would cover others
    names = list(LAYERS)
    for number, (axis, (entity, corpus)) in enumerate(zip(axes, data_sets, strict=True)):
        here = points[(points.entity == entity) & (points.corpus == corpus)]
        for share, colour, marker, aside in zip(shares, colours, MARKERS * len(shares), asides, strict=False):
            line = here[here.share == share].set_index("layers").reindex(names).dropna(subset=["mean"])
            places = [names.index(layer) + aside for layer in line.index]
            axis.errorbar(places, line["mean"], yerr=error_bars(line), color=colour, marker=marker, label=f"{share} %")
        axis.set_xticks(range(len(names)), list(LAYERS.values()), rotation=40, ha="right", rotation_mode="anchor")
        axis.set_title(panel_title(titles[corpus], entity))
        axis.set_title(panel_name(number), loc="left", fontweight="bold", fontsize=9)
        axis.set_ylabel("F1 (%)")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(axis="y", lw=0.4, alpha=0.6)
        if number + 2 < len(data_sets):  # the panel below has the same axis
            axis.set_xticklabels([])
        else:
            axis.set_xlabel("Layers transferred, up to")
    handles, labels = axes[0].get_legend_handles_labels()
    title = "Training set (% of the corpus)"
    figure.legend(handles, labels, title=title, loc="outside upper center", ncols=len(shares), frameon=False)
    add_notes(figure, [*seeds_notes(points), *notes])
    return figure
