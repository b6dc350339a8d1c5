"""Sentences under tables and figures: of what runs they are, and what is missing from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from analysis.scores import CLASSES, paired, paper_table, run_of


def study_notes(runs: Sequence[Path], titles: Mapping[str, str]) -> list[str]:
    """What a comparison of baseline and transfer is of: training share, seeds, what it lacks of the paper's study.

    `runs` are the metrics or predictions of runs, by path; `titles` names corpora.
    """
    table = pd.DataFrame(
        [run_of(path) for path in runs], columns=["entity", "corpus", "regime", "layers", "share", "seed"]
    )
    held = paired(table)
    pairs, studied = (set(zip(part.entity, part.corpus, strict=True)) for part in (held, table))
    notes = run_notes(runs)
    if pairs and studied > pairs:
        notes.append(f"Left out, for no seed has both regimes: {named(sorted(studied - pairs), titles)}.")
    return notes + missing_of_paper(studied)


def run_notes(runs: Sequence[Path]) -> list[str]:
    """The training share and the number of seeds of a comparison; `runs` as in `study_notes`."""
    table = pd.DataFrame([run_of(path) for path in runs])
    held = paired(table) if len(table) else table
    if held.empty:
        return ["No seed has runs of both regimes: nothing to compare. Each run's scores are in results/scores.csv."]
    per_data_set = held.groupby(["entity", "corpus"]).seed.nunique()
    seeds = " to ".join(str(count) for count in sorted({per_data_set.min(), per_data_set.max()}))
    unknown = ["With one seed the spread over trainings is unknown."] * int(per_data_set.min() == 1)
    trained = f"Trained on {held.share.max()} % of each corpus, or its own training part"
    return [f"{trained}; seeds a data set: {seeds}.", *unknown]


def missing_of_paper(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Which of the paper's data sets are not among the (class, corpus) pairs."""
    paper = paper_table("paper/table1.csv")
    titles = dict(zip(paper.corpus, paper.title, strict=True))
    held = set(pairs)
    missing = [pair for pair in zip(paper.entity, paper.corpus, strict=True) if pair not in held]
    if len(missing) == len(paper):
        return [f"None of the paper's {len(paper)} data sets is in this study."]
    return [
        f"Of the paper's {len(paper)} data sets {len(missing)} are not in this study: {named(missing, titles)}."
    ] * bool(missing)


def seeds_notes(points: pd.DataFrame) -> list[str]:
    """Says where there is one seed only, so that nothing can be said of the spread; see `scores.spread`."""
    return ["One seed a point: the spread over trainings is unknown."] if points.seeds.max() == 1 else []


def not_in_study(left_out: Sequence[tuple[str, str]], titles: Mapping[str, str]) -> list[str]:
    """Which data sets an item was configured to show and the study does not hold."""
    return [f"Configured for this item, but not in this study: {named(left_out, titles)}."] * bool(left_out)


def named(pairs: Iterable[tuple[str, str]], titles: Mapping[str, str]) -> str:
    """Data sets as a reader knows them: "CDR (chemicals), CDR (diseases)"."""
    return ", ".join(f"{titles[corpus]} ({CLASSES[entity].lower()})" for entity, corpus in pairs)
