"""One tidy table of all runs, a row a run, from the metrics that each run left."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

COLUMNS = [
    *("entity", "corpus", "regime", "layers", "share", "seed"),
    *("precision", "recall", "f1", "gold", "predicted", "correct"),
    *("epochs", "seconds", "device"),
]

CLASSES = {"CHED": "Chemicals", "DISO": "Diseases", "LIVB": "Species", "PRGE": "Genes/proteins"}
SCORES = ("precision", "recall", "f1")
REGIMES = {"baseline", "transfer"}

_RUN = re.compile(
    r"(?P<entity>[A-Z]+)/(?P<corpus>\w+)/(?P<regime>baseline|transfer)(_to_(?P<layers>\w+))?"
    r"/share(?P<share>\d+)/seed(?P<seed>\d+)/(metrics\.json|predictions\.tsv)$"
)


def paper_table(name: str) -> pd.DataFrame:
    """A table of the paper, "paper/table1.csv" or "paper/table2.csv"; a rule's digest sees these names.

    As printed, but for the name of LINNAEUS.
    """
    return pd.read_csv(Path(__file__).parent / name)


def run_of(file: Path) -> dict[str, object]:
    """What a run was, from the folder that its metrics and predictions lie in.

    The folder is ``…/{entity}/{corpus}/{regime}/share{share}/seed{seed}``; share is percent of the corpus used
    for training; layers is the last layer copied from the source tagger ("none" for a baseline).
    Raises ValueError for a path of another form.

    >>> run_of(Path("results/runs/DISO/cdr/transfer_to_token_lstm/share60/seed1/metrics.json"))["layers"]
    'token_lstm'
    """
    match = _RUN.search(file.as_posix())
    if match is None:
        raise ValueError(
            f"{file}: no run's metrics or predictions; expected …/entity/corpus/regime/shareN/seedN/metrics.json"
        )
    run: dict[str, object] = dict(match.groupdict())
    if run["layers"] is None:
        run["layers"] = "crf" if run["regime"] == "transfer" else "none"
    return run | {"share": int(match["share"]), "seed": int(match["seed"])}


def collect_scores(metrics: Sequence[Path]) -> pd.DataFrame:
    """The scores on the test set of all runs, sorted, with the columns of COLUMNS.

    precision, recall and f1 are percent (0 to 100), micro-averaged over the mentions of a test set; gold,
    predicted and correct count mentions. Raises ValueError naming a file that is not a run's metrics.
    """
    rows = []
    for path in metrics:
        run = run_of(path)
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            rows.append(run | {**content["test"], **{key: content[key] for key in ("epochs", "seconds", "device")}})
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(
                f"{path}: not the metrics of a finished run ({error!r}); delete it and run again"
            ) from error
    scores = pd.DataFrame(rows, columns=COLUMNS)
    return scores.sort_values(COLUMNS[:6], ignore_index=True)


def read_scores(path: Path) -> pd.DataFrame:
    """The scores as `collect_scores` gave them, read from CSV; "none" stays a word."""
    scores: pd.DataFrame = pd.read_csv(path, keep_default_na=False, na_values=[""])
    return scores


def compared(scores: pd.DataFrame) -> pd.DataFrame:
    """Baseline beside full transfer, a row a data set: means over seeds, at the largest share that was run.

    Columns: entity, corpus, share, seeds, and precision, recall and f1 (percent) each as ``{score}_baseline`` and
    ``{score}_transfer``, with the standard deviations over seeds in ``…_sd`` (NaN for one seed). Seeds count that have
    both regimes; a data set without one is left out.
    """
    both = paired(scores)
    keys = ["entity", "corpus", "share"]
    columns = [f"{score}_{regime}" for score in SCORES for regime in ("baseline", "transfer")]
    columns = [name for column in columns for name in (column, f"{column}_sd")]
    if both.empty:
        return pd.DataFrame(columns=[*keys, "seeds", *columns])
    table = both.groupby(keys).seed.nunique().rename("seeds").to_frame()
    for regime, runs in both.groupby("regime"):
        values = runs.groupby(keys)[list(SCORES)]
        for suffix, statistics in (("", values.mean()), ("_sd", values.std())):
            table[[f"{score}_{regime}{suffix}" for score in SCORES]] = statistics
    return in_order(table.reset_index()[[*keys, "seeds", *columns]])


def paired(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of baseline and full transfer at the largest share, where one seed has both.

    `runs` and the result have the columns that `run_of` gives.
    """
    largest = runs[((runs.regime == "baseline") | (runs.layers == "crf")) & (runs.share == runs.share.max())]
    pairs: pd.DataFrame = largest.groupby(["entity", "corpus", "share", "seed"]).filter(
        lambda group: set(group.regime) == REGIMES
    )
    return pairs


def in_order(table: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of the paper's tables: by class, then by corpus (columns entity and corpus)."""
    places = table.entity.map(list(CLASSES).index)
    return table.assign(_place=places).sort_values(["_place", "corpus"], ignore_index=True).drop(columns="_place")


def spread(scores: pd.DataFrame) -> pd.DataFrame:
    """F1 over seeds, a row for each (entity, corpus, layers, share): mean, sd (NaN for one seed), and seeds."""
    groups = scores.groupby(["entity", "corpus", "layers", "share"]).f1
    table: pd.DataFrame = groups.agg(mean="mean", sd="std", seeds="count").reset_index()
    return table
