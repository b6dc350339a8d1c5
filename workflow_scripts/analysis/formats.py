"""A table as three files: CSV with full precision for programs, Markdown and LaTeX (booktabs) for readers."""

from __future__ import annotations

import codecs
import json
import re
import unicodedata
from collections.abc import Sequence
from numbers import Integral
from pathlib import Path

import latexcodec  # noqa: F401  # makes the codec known
import pandas as pd
from tabulate import LATEX_ESCAPE_RULES, tabulate

KEY = "data_set"  # "DISO/cdr": names the runs of a row; in the CSV only
SMALLEST_P = 0.0001
_OTHER_FONTS = re.compile(r"\\(guillemot|(d[hj]|D[HJ]|th|TH|k|ng|NG)\b)")  # what LaTeX's standard ones lack


def write_table(table: pd.DataFrame, files: Sequence[str | Path], notes: Sequence[str] = ()) -> None:
    """The table in three forms, `files` in this order: .csv, .md, .tex; `notes` are sentences under the last two.

    In these, numbers have two decimals, thousands are marked, gaps are a dash, and p-values (columns ``p_…``) have four
    decimals; a column ``x_sd`` is shown with x as x ± sd, columns ``x_low`` and ``x_high`` as x [low, high]. The .tex
    needs the package booktabs; it is set small, with a word a line in its header, so that wide ones fit a broad page.
    """
    csv, md, tex = map(Path, files)
    table.to_csv(csv, index=False, lineterminator="\n")
    shown = _merged(table.drop(columns=KEY, errors="ignore"))
    header = [name.replace("_", " ") for name in shown]
    align = ["right" if numeric else "left" for _, numeric in shown.values()]
    columns = [cells for cells, _ in shown.values()]
    rows = [list(row) for row in zip(*columns, strict=True)]

    def form(name: str, rows: list[list[str]]) -> str:
        return str(tabulate(rows, header, tablefmt=name, colalign=align if rows else None, disable_numparse=True))

    escaped = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows]
    paragraphs = [form("pipe", escaped), *notes]
    md.write_text("\n\n".join(paragraphs) + "\n", encoding="utf-8")
    signed = [
        [_minus(cell) if side == "right" else cell for cell, side in zip(row, align, strict=True)] for row in rows
    ]
    lines = form("latex_booktabs", signed).split("\n")
    if header:
        lines[lines.index(r"\toprule") + 1] = _latex_header(header, align)
        lines[0] = rf"\begin{{tabular}}{{{''.join(side[0] for side in align)}}}"  # where there is no row it has none
    body = [_latex_letters("\n".join(lines)), *(_latex_note(note) for note in notes)]
    small = r"\footnotesize\setlength{\tabcolsep}{3pt}"
    tex.write_text(f"{{{small}\n" + "\n\n".join(body) + "\\par}\n", encoding="utf-8")


def vectors_note(file: str) -> str:
    """A sentence on the word vectors of the study, from what selecting some of them left.

    That is a JSON object with origin ("given" or "trained"), file, words_in_file and dimension.
    Raises ValueError naming a file of another form.
    """
    try:
        vectors = json.loads(Path(file).read_text(encoding="utf-8"))
        trained = "trained on the corpora of this study"
        how = {"given": f"{vectors['file']}, as given", "trained": trained}[vectors["origin"]]
        return f"Word vectors: {how} ({int(vectors['words_in_file']):,} words, {vectors['dimension']} dimensions)."
    except (KeyError, TypeError, ValueError) as error:
        problem = f"{file}: not a description of word vectors ({error!r}); delete it and run again"
        raise ValueError(problem) from error


def _merged(table: pd.DataFrame) -> dict[str, tuple[list[str], bool]]:
    """Cells as text and whether they are numbers, by column, with each value's spread in the value's own cell."""
    shown = {}
    names = {str(column) for column in table.columns}
    for column in map(str, table.columns):
        base, _, last = column.rpartition("_")
        if last in ("sd", "low", "high") and base in names:
            continue
        values = table[column]
        cells = [_p_value(value) if column.startswith("p_") else _cell(value) for value in values]
        if f"{column}_sd" in names:
            spreads = table[f"{column}_sd"]
            cells = [c if pd.isna(sd) else f"{c} ± {_cell(sd)}" for c, sd in zip(cells, spreads, strict=True)]
        if f"{column}_low" in names:
            ends = zip(cells, table[f"{column}_low"], table[f"{column}_high"], strict=True)
            cells = [c if pd.isna(low) else f"{c} [{_cell(low)}, {_cell(high)}]" for c, low, high in ends]
        shown[column] = (cells, pd.api.types.is_numeric_dtype(values))
    return shown


def _cell(value: object) -> str:
    if pd.isna(value):  # type: ignore[call-overload]
        return "–"
    if isinstance(value, float):
        return f"{round(value, 2) + 0:,.2f}" if abs(value) != float("inf") else "not reached"  # + 0: no -0.00
    return f"{value:,}" if isinstance(value, Integral) else str(value)


def _p_value(value: float) -> str:
    if pd.isna(value):
        return "–"
    return f"{value:.4f}" if value >= SMALLEST_P else f"< {SMALLEST_P}"


def _latex_header(header: Sequence[str], align: Sequence[str]) -> str:
    stacked = [
        rf"\shortstack[{side[0]}]{{{name.replace(' ', chr(92) * 2)}}}" for name, side in zip(header, align, strict=True)
    ]
    return " & ".join(stacked) + r" \\"


def _latex_letters(text: str) -> str:
    """Letters and signs beyond ASCII as LaTeX's commands, as its standard fonts lack Greek and most signs."""
    return re.sub(r"[^\x00-\x7f]", lambda found: f"{{{_latex_sign(found[0])}}}", unicodedata.normalize("NFC", text))


def _minus(number: str) -> str:
    """A number's hyphens as minus signs."""
    return re.sub(r"(?<![\w.-])-(?=\d)", "\N{MINUS SIGN}", number)


def _latex_sign(sign: str) -> str:
    """Its command in any font, or that of its plain form, as 2 is of ₂; its number where there is none."""
    for form in (
        sign,
        unicodedata.normalize("NFKC", sign).replace("\u2032", "'"),
        unicodedata.normalize("NFD", sign)[0],
    ):
        command = _latex_escaped(form) if form.isascii() else str(codecs.encode(form, "ulatex", "keep"))
        if command.isascii() and not _OTHER_FONTS.match(command):
            return command
    return f"U+{ord(sign):04X}"


def _latex_note(note: str) -> str:
    return r"\par\smallskip " + _latex_letters(_latex_escaped(note))


def _latex_escaped(text: str) -> str:
    return "".join(LATEX_ESCAPE_RULES.get(sign, sign) for sign in text)
