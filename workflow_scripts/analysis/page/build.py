"""The page, put together: everything is read, rendered and only then written, as one file."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from analysis.page.documents import Browsable, DataSet, browse
from analysis.page.items import MINUS, data_set_name, groups
from analysis.page.provenance import provenance
from analysis.page.runs import read_runs
from analysis.page.summary import summarise
from analysis.scores import CLASSES, read_scores

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Embedded:
    """A data set in the page: what the filters say of it, and its JSON, packed."""

    label: str
    packed: str
    counts: Browsable

    @property
    def length(self) -> int:
        """Bytes that it takes in the page."""
        return len(self.packed)


def write_page(
    page: Path,
    *,
    results: Path,
    tables: Sequence[Path],
    figures: Sequence[Path],
    captions: Sequence[Path],
    runs: Sequence[Path],
    sources: Sequence[Path],
    data_sets: Sequence[DataSet],
    compared_runs: str,
    config: Mapping[str, Any],
    lock: Path,
    command: str,
) -> None:
    """Write the report as one HTML file that needs nothing else, not even a network.

    `results` is the study's folder, with scores.csv; `tables` and `figures` are files of its folders of that name, in
    any of their forms; `captions` are the files of rules/captions; `runs` and `sources` are folders of fine-tunings and
    source trainings; `compared_runs` says which runs the documents show; `config` is the study's configuration; `lock`
    and `command` are for the provenance.
    Raises ValueError and OSError for a file that cannot be used; then nothing is written.
    """
    titles = {name: str(corpus.get("title", name)) for name, corpus in config["corpora"].items()}
    named = {file.stem: file for file in captions}
    records = read_runs(runs, sources, titles)
    scores = read_scores(results / "scores.csv")
    embedded = []
    for data_set in data_sets:
        found = browse(data_set)
        label = data_set_name((data_set.entity, data_set.corpus), titles)
        embedded.append(Embedded(label, pack(found.data), found))
    style, script = ((FOLDER / name).read_text(encoding="utf-8") for name in ("style.css", "page.js"))
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"f1": lambda x: f"{x:.2f}".replace("-", MINUS), "signed": signed, "size": size}
    html = environment.get_template("template.html").render(
        style=Markup(style),  # noqa: S704  (both are files of this package)
        script=Markup(script),  # noqa: S704
        policy=_policy(style, script),
        classes=CLASSES,
        summary=summarise(_of_the_tables(scores, config["study"]), titles),
        tables=groups(tables, results / "tables", named, config, titles),
        figures=groups(figures, results / "figures", named, config, titles),
        runs=pack({"runs": records, "classes": CLASSES}),
        records=records,
        data_sets=embedded,
        compared_runs=compared_runs,
        provenance=provenance(config, records, lock, command),
    )
    page.parent.mkdir(parents=True, exist_ok=True)
    temporary = page.with_name(f".{page.name}.tmp")
    try:
        temporary.write_text(html, encoding="utf-8", newline="\n")
        temporary.replace(page)
    finally:
        temporary.unlink(missing_ok=True)


def _of_the_tables(scores: pd.DataFrame, study: Mapping[str, Any]) -> pd.DataFrame:
    """The runs that the tables show; figures may have some of further seeds, shares and regimes."""
    own = scores.seed.isin(study["seeds"]) & (scores.share == max(study["shares"]))
    table: pd.DataFrame = scores[own & scores.regime.isin(study["regimes"])]
    return table


def pack(data: object) -> str:
    """JSON, gzipped, in base64: a third of its size, and without any character that HTML could read as its own."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def signed(value: float) -> str:
    """Two decimals with a sign.

    >>> signed(1.5), signed(-0.25), signed(0.001)
    ('+1.50', '−0.25', '0.00')
    """
    text = f"{value:+.2f}"
    return "0.00" if text in ("+0.00", "-0.00") else text.replace("-", MINUS)


def size(characters: int) -> str:
    """Bytes for reading.

    >>> size(2_300_000), size(900)
    ('2.3 MB', '1 kB')
    """
    return f"{characters / 1e6:.1f} MB" if characters >= 1e6 else f"{max(1, round(characters / 1e3))} kB"


def _policy(style: str, script: str) -> str:
    """A content security policy: this style, this script, embedded pictures, and nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script))
    own_style, own_script = (f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; img-src data:; style-src {own_style}; script-src {own_script}; "
        "base-uri 'none'; form-action 'none'"
    )
