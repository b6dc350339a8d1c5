"""Figure 1: the architecture of the tagger, drawn from its sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from analysis.style import GREY, WIDTH

# Pale tints of the colour-blind palette, a colour a kind of layer.
WORDS, CHARACTERS, CONTEXT, LABELS, SEQUENCE = "#cfe3f1", "#f9e2be", "#cdeadd", "#eed6e8", "#f3d2c4"
CELLS = {
    "paper": "coupled gates, peepholes",
    "neuroner": "coupled gates, no peepholes",
}
TAGS = 5  # B, I, E, S of one class, and O


@dataclass(frozen=True)
class Sizes:
    """Units of each layer; LSTM layers a direction."""

    token_dimension: int
    character_dimension: int
    character_hidden: int
    token_hidden: int
    dense: int
    variant: str

    @classmethod
    def from_settings(cls, tagger: Mapping[str, object], token_dimension: int) -> Sizes:
        """The sizes in the configuration's block `tagger` and the dimension of the word vectors."""
        sizes = {field.name: tagger[field.name] for field in fields(cls) if field.name in tagger}
        return cls(token_dimension=token_dimension, **sizes)  # type: ignore[arg-type]

    @property
    def enhanced(self) -> int:
        """Units of a character-enhanced token embedding."""
        return self.token_dimension + 2 * self.character_hidden


def figure1_architecture(sizes: Sizes) -> Figure:
    """The layers from characters to tags: above over the tokens of a sentence, below for its i-th token."""
    figure = Figure(figsize=(WIDTH, 5.6))
    axis = figure.add_axes((0, 0, 1, 1))
    axis.set(xlim=(0, 14), ylim=(-0.75, 10.45))
    axis.set_axis_off()
    columns = {"1": 6.0, "i": 8.9, "n": 11.8}
    rows = {"crf": 9.15, "tags": 8.05, "dense": 7.2, "backward": 6.15, "forward": 5.35, "token": 4.3}

    _layer(axis, rows["crf"], "Label sequence optimization", f"CRF over {TAGS} tags")
    _layer(axis, 7.62, "Label prediction", f"{2 * sizes.token_hidden} → {sizes.dense} (tanh) → {TAGS}")
    _layer(axis, 5.75, "Token Bi-LSTM", f"2 × {sizes.token_hidden} units,\n{CELLS[sizes.variant]}")
    concatenated = f"{sizes.token_dimension} + 2 × {sizes.character_hidden} = {sizes.enhanced}, then dropout"
    _layer(axis, 3.62, "Character-enhanced token embeddings", concatenated)
    _layer(axis, 1.42, "Character Bi-LSTM", f"2 × {sizes.character_hidden} units")
    _layer(
        axis,
        0.1,
        "Token embeddings and\ncharacter embeddings",
        f"{sizes.token_dimension} (frozen), {sizes.character_dimension}",
    )

    for name, x in columns.items():
        axis.text(x, 10.15, rf"$y_{{{name}}}$", parse_math=True, ha="center", va="center", fontsize=10)
        _arrow(axis, (x, 9.5), (x, 9.9))
        _box(axis, x, rows["crf"], "", SEQUENCE, width=0.7, round_=True)
        _arrow(axis, (x, rows["tags"] + 0.3), (x, rows["crf"] - 0.3))
        _box(axis, x, rows["tags"], f"{TAGS}", LABELS, width=1.9)
        _arrow(axis, (x, rows["dense"] + 0.3), (x, rows["tags"] - 0.3))
        _box(axis, x, rows["dense"], f"tanh {sizes.dense}", LABELS, width=1.9)
        for shift, row in ((-0.33, "forward"), (0.33, "backward")):
            _box(axis, x + shift, rows[row], "LSTM", CONTEXT, width=1.2)
            _arrow(axis, (x + shift * 2.2, rows["token"] + 0.3), (x + shift * 2.2, rows[row] - 0.3))
            _arrow(axis, (x + shift * 2.2, rows[row] + 0.3), (x + shift * 2.2, rows["dense"] - 0.3))
        _box(axis, x, rows["token"], rf"$e_{{{name}}}$", WORDS, width=1.9)
    for left, right in ((6.0, 8.9), (8.9, 11.8)):
        axis.plot([left + 0.38, right - 0.38], [rows["crf"]] * 2, color="black", lw=0.9)
        _arrow(axis, (left + 0.3, rows["forward"]), (right - 0.97, rows["forward"]))
        _arrow(axis, (right - 0.3, rows["backward"]), (left + 0.97, rows["backward"]))
    for row in ("crf", "tags", "dense", "backward", "forward", "token"):
        for x in (7.45, 10.35):
            axis.text(x, rows[row], "…", ha="center", va="center", fontsize=9, backgroundcolor="white")
    _one_token(axis, sizes, columns["i"], rows["token"])
    return figure


def _one_token(axis: Axes, sizes: Sizes, x_above: float, y_above: float) -> None:
    """The lower half: how the embedding of the i-th token comes about."""
    y = {"joined": 3.05, "backward": 1.85, "forward": 1.0, "embedding": 0.1, "character": -0.5}
    word, characters = 5.6, {"1": 8.1, "2": 9.75, r"\ell(i)": 12.2}
    # Two thirds of the bar for the token and a sixth a direction, whatever the sizes: it is no scale drawing.
    parts = ((4.5, 6.7, f"{sizes.token_dimension}", WORDS), (6.7, 9.3, f"← {sizes.character_hidden}", CHARACTERS))
    for left, right, text, colour in (*parts, (9.3, 11.9, f"{sizes.character_hidden} →", CHARACTERS)):
        _box(axis, (left + right) / 2, y["joined"], text, colour, width=right - left)
    for x, to in ((4.5, x_above - 0.95), (11.9, x_above + 0.95)):
        axis.plot([x, to], [y["joined"] + 0.3, y_above - 0.3], color=GREY, lw=0.7, ls=":")
    _box(axis, word, y["embedding"], f"{sizes.token_dimension}", WORDS, width=1.4)
    axis.text(word, y["character"], r"$x_i$", parse_math=True, ha="center", va="center", fontsize=10)
    _arrow(axis, (word, y["embedding"] + 0.3), (word, y["joined"] - 0.3))
    names = list(characters)
    for name, x in characters.items():
        axis.text(x, y["character"], rf"$x_{{i,{name}}}$", parse_math=True, ha="center", va="center", fontsize=10)
        _box(axis, x, y["embedding"], f"{sizes.character_dimension}", CHARACTERS, width=1.4)
        for shift, row in ((-0.25, "forward"), (0.25, "backward")):
            _box(axis, x + shift, y[row], "LSTM", CONTEXT, width=0.95)
            _arrow(axis, (x + shift * 2.2, y["embedding"] + 0.3), (x + shift * 2.2, y[row] - 0.3))
    for before, after in pairwise(names):
        _arrow(axis, (characters[before] + 0.22, y["forward"]), (characters[after] - 0.72, y["forward"]))
        _arrow(axis, (characters[after] - 0.22, y["backward"]), (characters[before] + 0.72, y["backward"]))
    for row in ("backward", "forward", "embedding"):
        axis.text(11.0, y[row], "…", ha="center", va="center", fontsize=9, backgroundcolor="white")
    # The last state of each direction goes on.
    _arrow(axis, (characters["1"] + 0.25, y["backward"] + 0.3), (8.35, y["joined"] - 0.3))
    last = characters[names[-1]] - 0.6
    axis.plot([last, last, 10.6], [y["forward"] + 0.28, 2.4, 2.4], color="black", lw=0.8)
    _arrow(axis, (10.6, 2.4), (10.6, y["joined"] - 0.3))


def _layer(axis: Axes, y: float, name: str, size: str) -> None:
    axis.text(0.15, y + 0.05, name, ha="left", va="bottom", fontweight="bold")
    axis.text(0.15, y - 0.02, size, ha="left", va="top", color=GREY, fontsize=7.5)


def _box(axis: Axes, x: float, y: float, text: str, colour: str, width: float = 1.5, round_: bool = False) -> None:
    style = f"round,pad=0,rounding_size={0.28 if round_ else 0.1}"
    corner = (x - width / 2, y - 0.28)
    axis.add_patch(
        FancyBboxPatch(corner, width, 0.56, boxstyle=style, facecolor=colour, edgecolor="black", lw=0.7, zorder=3)
    )
    axis.text(x, y, text, parse_math=True, ha="center", va="center", zorder=4)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    arrow = {
        "arrowstyle": "-|>,head_length=0.25,head_width=0.12",
        "lw": 0.8,
        "shrinkA": 0,
        "shrinkB": 0,
        "color": "black",
    }
    axis.annotate("", end, start, arrowprops=arrow, zorder=2)
