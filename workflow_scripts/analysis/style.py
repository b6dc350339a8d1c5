"""How the figures look in print: one theme, one colour a regime, files that are the same bytes for the same data."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

WIDTH = 7.0  # inches: two columns of a journal page
# Seaborn's "colorblind" palette: blue and orange also differ in lightness. Markers and lines differ too.
BASELINE, TRANSFER = "#0173b2", "#de8f05"
REGIME_STYLE: dict[str, dict[str, Any]] = {
    "baseline": {"color": BASELINE, "marker": "s", "linestyle": "--", "label": "baseline"},
    "transfer": {"color": TRANSFER, "marker": "o", "linestyle": "-", "label": "transfer learning"},
}
GREY = "#606060"
FONT = "DejaVu Sans"  # comes with matplotlib, so that every machine draws the same
NOTE_CHARACTERS = 125  # a line of notes at WIDTH

_SETTINGS: dict[Any, object] = {
    "font.family": FONT,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7.5,
    "legend.title_fontsize": 7.5,
    "axes.linewidth": 0.7,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "errorbar.capsize": 2,
    "figure.dpi": 100,
    "figure.constrained_layout.w_pad": 0.07,  # inches
    "savefig.dpi": 300,
    "text.parse_math": False,  # a title may have dollars
    "svg.fonttype": "none",  # text stays text
    "pdf.fonttype": 42,
    "svg.hashsalt": "figure",
}


@contextmanager
def print_style() -> Iterator[None]:
    """Draw and save inside this context."""
    with mpl.rc_context():
        mpl.rcdefaults()  # or a matplotlibrc where the study lies would draw in its own way
        with sns.axes_style("ticks"):
            mpl.rcParams.update(_SETTINGS)
            yield


def save(figure: Figure, files: Sequence[str | Path]) -> None:
    """The figure in three forms, `files` in this order: .svg, .pdf, .png, without dates or versions in the files."""
    svg, pdf, png = map(Path, files)
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    # A reader without this font gets one of its width, not the browser's own.
    svg.write_text(drawn.getvalue().replace(f"'{FONT}'", f"'{FONT}', Verdana, sans-serif"), "utf-8", newline="\n")
    dates = {"CreationDate": None, "ModDate": None, "Creator": None, "Producer": None}
    figure.savefig(pdf, metadata=dates)
    figure.savefig(png, metadata={"Software": None})


def panels(number: int, columns: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of print width with that many panels, `height` inches a row, at most `columns` a row."""
    columns = max(1, min(columns, number))
    rows = -(-max(number, 1) // columns)
    width = WIDTH if columns > 1 else WIDTH * 0.6
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for unused in axes[number:]:
        unused.remove()
    return figure, axes[:number]


def panel_name(number: int) -> str:
    """The letter of a panel counted from 0: A to Z, then AA, AB.

    >>> panel_name(0), panel_name(25), panel_name(26)
    ('A', 'Z', 'AA')
    """
    return (panel_name(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def add_notes(figure: Figure, notes: Iterable[str]) -> None:
    """Sentences under the figure, in small grey type: what is missing from it."""
    width = int(NOTE_CHARACTERS * figure.get_figwidth() / WIDTH)
    lines = [line for note in notes for line in textwrap.wrap(note, width)]
    if lines:
        figure.supxlabel("\n".join(lines), x=0.01, ha="left", fontsize=7, color=GREY)


def without_data(reason: str) -> Figure:
    """A figure that says why there is nothing to show."""
    figure = Figure(figsize=(WIDTH, 0.6))
    figure.text(0.01, 0.5, textwrap.fill(reason, NOTE_CHARACTERS), va="center", color=GREY)
    return figure
