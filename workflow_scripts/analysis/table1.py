"""Table 1, what the gold-standard corpora hold, beside the paper's counts, and what of it is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.scores import CLASSES, paper_table

TEXT = ("genre", "text_type")
COUNTS = ("sentences", "tokens", "unique_tokens", "annotations", "unique_annotations")


def table1_corpora(counted: Sequence[Path], titles: Mapping[str, str]) -> pd.DataFrame:
    """Table 1: genre and kind of text, documents, sentences, tokens and annotations of every data set.

    `counted` are the files ``…/{entity}/{corpus}.json`` that counting left; `titles` gives the name under which a
    corpus is shown. Beside each count stands the paper's; genre, kind and these are empty for a corpus that the paper
    does not have. A study that holds any of the paper's data sets also has a row, without counts of its own, for each
    of those that it lacks.
    """
    paper = paper_table("paper/table1.csv").set_index(["entity", "corpus"])
    ours = {(path.parent.name, path.stem): json.loads(path.read_text(encoding="utf-8")) for path in counted}
    missing = [row for row in paper.index if row not in ours] if any(row in paper.index for row in ours) else []
    rows = []
    for entity, corpus in sorted([*ours, *missing], key=lambda row: (list(CLASSES).index(row[0]), row[1])):
        own, known = ours.get((entity, corpus), {}), (entity, corpus) in paper.index
        title = titles.get(corpus) or (paper.loc[(entity, corpus), "title"] if known else corpus)
        row: dict[str, object] = {"class": CLASSES[entity], "corpus": title}
        row |= {name: paper.loc[(entity, corpus), name] if known else None for name in TEXT}
        row["documents"] = own.get("documents")
        for count in COUNTS:
            row[count] = own.get(count)
            row[f"{count}_paper"] = paper.loc[(entity, corpus), count] if known else None
        rows.append(row)
    table = pd.DataFrame(rows)
    return table.astype(dict.fromkeys(table.columns.drop(["class", "corpus", *TEXT]), "Int64"))


def missing_rows(table: pd.DataFrame, left_out: Mapping[str, str]) -> str:
    """What to say of the rows of the paper's Table 1 that the study has no counts for, one line; empty for none.

    `left_out` gives the titles, by name, of the corpora that ``study.skip`` names.
    """
    missing = table[table.documents.isna()]
    if missing.empty:
        return ""
    names = ", ".join(
        f"{corpus} ({kind.lower()})" for kind, corpus in zip(missing["class"], missing.corpus, strict=True)
    )
    skipped = f" Left out by study.skip: {', '.join(sorted(left_out.values()))}." if left_out else ""
    total = len(paper_table("paper/table1.csv"))
    return f"Not in this study: {len(missing)} of the paper's {total} data sets: {names}.{skipped}"
