"""Tables and figures as the page shows them: title, caption, content, and the files to take away."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from docutils.core import publish_parts
from jinja2 import Environment, StrictUndefined, TemplateError
from markupsafe import Markup

from analysis.scores import CLASSES

TYPES = {
    ".csv": "text/csv",
    ".md": "text/markdown",
    ".tex": "application/x-tex",
    ".pdf": "application/pdf",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}
TAKEN = (".csv", ".md", ".tex", ".pdf", ".svg")
"""Forms offered for download, in this order; a PNG would be the largest and is beside them in the study's folder."""

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Cell:
    """What stands in a cell of ours and, where the paper has that number too, of the paper."""

    ours: str
    paper: str | None = None


@dataclass(frozen=True)
class Table:
    """A table's columns, whether each holds numbers, its rows, and the sentences below it."""

    columns: list[str]
    numeric: list[bool]
    rows: list[list[Cell]]
    has_paper: bool
    notes: list[str]


@dataclass
class Item:
    """A table or figure under its file's name, or under that of its folders where there is one a data set."""

    name: str
    title: str
    caption: Markup
    table: Table | None = None
    image: str | None = None  # a data: address
    files: dict[str, str] = field(default_factory=dict)  # suffix to a data: address


@dataclass(frozen=True)
class Group:
    """The items that stand under one title: a single one, or one for each data set."""

    name: str
    title: str
    items: list[Item]
    by_data_set: bool


def groups(
    files: Iterable[Path],
    folder: Path,
    captions: Mapping[str, Path],
    config: Mapping[str, Any],
    titles: Mapping[str, str],
) -> list[Group]:
    """The items that these files below a folder make, in their order.

    Files of one name are one item: ``folder/table1.csv`` and ``.md``. Those of ``folder/table/entity/corpus.csv`` are
    one item a data set, under the title of the table; `titles` names the corpora. The caption is that of the table.
    """
    stems: dict[Path, dict[str, Path]] = {}
    for file in files:
        if file.suffix in TYPES:
            stems.setdefault(file.relative_to(folder).with_suffix(""), {})[file.suffix] = file
    found: dict[str, Group] = {}
    for stem, forms in stems.items():
        name, *data_set = stem.parts
        group = found.setdefault(name, Group(name, title(name), [], bool(data_set)))
        text = caption(captions[name], config) if name in captions else Markup("")
        shown = data_set_name(data_set, titles) if data_set else group.title
        item = Item("_".join(stem.parts), shown, text)
        if ".md" in forms:
            item.table = read_table(forms[".md"])
        for suffix in (".svg", ".png"):
            if suffix in forms and item.image is None:
                item.image = address(forms[suffix])
        item.files = {suffix: address(forms[suffix]) for suffix in TAKEN if suffix in forms}
        group.items.append(item)
    return list(found.values())


def data_set_name(data_set: Sequence[str], titles: Mapping[str, str]) -> str:
    """How a data set, as (entity, corpus), is called on the page.

    >>> data_set_name(("DISO", "cdr"), {"cdr": "CDR"})
    'CDR · Diseases'
    """
    entity, corpus = data_set
    return f"{titles.get(corpus, corpus)} · {CLASSES[entity]}"


def address(file: Path) -> str:
    """The file's content as a data: address."""
    return f"data:{TYPES[file.suffix]};base64,{base64.b64encode(file.read_bytes()).decode()}"


def title(name: str) -> str:
    """An item's title from its name.

    >>> title("figure_s1_layers"), title("table2_macro_average"), title("error_reduction")
    ('Figure S1. Layers', 'Table 2. Macro average', 'Error reduction')
    """
    match = re.fullmatch(r"(table|figure|appendix)_?([a-z]?\d+|[a-z])_(.+)", name)
    words = (match[3] if match else name).replace("_", " ").strip()
    words = words[:1].upper() + words[1:]
    return f"{match[1].capitalize()} {match[2].upper()}. {words}" if match else words


def caption(file: Path, config: Mapping[str, Any]) -> Markup:
    """A caption of rules/captions as HTML: reStructuredText in which Jinja knows ``snakemake.config``.

    Raises ValueError for one that asks for anything else or is no reStructuredText.
    """
    try:
        template = Environment(undefined=StrictUndefined, autoescape=False).from_string(  # noqa: S701  (RST, not HTML)
            file.read_text(encoding="utf-8")
        )
        text = template.render(snakemake=SimpleNamespace(config=config))
        parts = publish_parts(
            text,
            writer="html5",
            settings_overrides={
                "raw_enabled": False,
                "file_insertion_enabled": False,
                "_disable_config": True,
                "doctitle_xform": False,
                "report_level": 2,
                "halt_level": 2,
                "warning_stream": False,
            },
        )
    except Exception as error:
        if not isinstance(error, TemplateError | ValueError) and type(error).__module__.split(".")[0] != "docutils":
            raise
        raise ValueError(f"{file}: the caption cannot be shown ({error}); correct it") from error
    return Markup(parts["fragment"])  # noqa: S704  (docutils escapes, and raw HTML is off)


def read_table(file: Path) -> Table:
    """A table's Markdown form: one pipe table, whose right-aligned columns hold numbers, and notes below it.

    A column "x paper" goes into the cells of "x" where there is one. Raises ValueError for a file of another form.
    """
    lines = file.read_text(encoding="utf-8").split("\n")
    grid = [_cells(line) for line in lines if line.startswith("|")]
    if not grid:
        grid = [[], []]
    header, rule, *rows = [*grid, []] if len(grid) == 1 else grid
    if any(len(row) != len(header) for row in (rule, *rows)):
        raise ValueError(f"{file}: a row has not {len(header)} cells; delete it and make it again")
    numeric = [cell.endswith(":") for cell in rule]
    own = [i for i, name in enumerate(header) if name.removesuffix(" paper") == name or name[:-6] not in header]
    papers = {i: header.index(f"{header[i]} paper") for i in own if f"{header[i]} paper" in header}
    shown = [[cell.replace("-", MINUS) if numeric[i] else cell for i, cell in enumerate(row)] for row in rows]
    cells = [
        [Cell(row[i], row[papers[i]] if i in papers and row[papers[i]] != "–" else None) for i in own] for row in shown
    ]
    notes = [line for line in lines if line and not line.startswith("|")]
    columns = [re.sub(r"\bf1\b", "F1", header[i]) for i in own]
    has_paper = any(cell.paper is not None for row in cells for cell in row)
    return Table(columns, [numeric[i] for i in own], cells, has_paper, notes)


def _cells(line: str) -> list[str]:
    """The cells of a row; a bar inside a cell has a backslash before it."""
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
