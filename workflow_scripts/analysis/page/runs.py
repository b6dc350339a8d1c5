"""What every training left: its curve, scores, device and time."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from analysis.scores import run_of

SOURCE = "source"
"""The regime under which the trainings on silver stand beside the others."""


def read_runs(runs: Sequence[Path], sources: Sequence[Path], titles: Mapping[str, str]) -> list[dict[str, Any]]:
    """A record a training, from the folders of fine-tunings and of source trainings, sources last.

    entity, corpus, title, regime, share (percent of the corpus; 0 for a source), seed; dev_f1 of the best epoch and
    precision, recall, test_f1 on the test set (percent; None for a source); best (epoch, 0 is before training),
    epochs, seconds, device, threads, finished (UTC date of the files); curves f1 (dev, percent) and loss (a
    sentence), an epoch a number. Raises ValueError naming a file that no finished run left.
    """
    records = []
    for folder in [*runs, *sources]:
        metrics = folder / "metrics.json"
        if folder in sources:
            entity, seed = folder.parts[-2], int(folder.name.removeprefix("seed"))
            what: dict[str, Any] = {"entity": entity, "corpus": "", "regime": SOURCE, "share": 0, "seed": seed}
            title = "Silver-standard corpus"
        else:
            what = run_of(metrics)
            if what["regime"] == "transfer" and what["layers"] != "crf":
                what["regime"] = f"transfer_to_{what['layers']}"
            title = titles.get(str(what["corpus"]), str(what["corpus"]))
        try:
            left = json.loads(metrics.read_text(encoding="utf-8"))
            test = left["test"] or {}
            record = {
                **{key: what[key] for key in ("entity", "corpus", "regime", "share", "seed")},
                "title": title,
                "dev_f1": _rounded(left["dev"]["f1"]),
                **{key: _rounded(test.get(key)) for key in ("precision", "recall")},
                "test_f1": _rounded(test.get("f1")),
                "best": left["best_epoch"],
                "epochs": left["epochs"],
                "seconds": round(left["seconds"]),
                "device": str(left["device"]),
                "threads": left.get("threads"),
                "finished": datetime.fromtimestamp(metrics.stat().st_mtime, UTC).date().isoformat(),
            }
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            problem = f"not the metrics of a finished run ({error!r}); delete it and run again"
            raise ValueError(f"{metrics}: {problem}") from error
        records.append(record | _curves(folder / "history.tsv"))
    return records


def _curves(history: Path) -> dict[str, list[float | None]]:
    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    try:
        return {name: [_rounded(float(row[name])) for row in rows] for name in ("f1", "loss")}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{history}: no f1 and loss an epoch ({error!r}); delete it and run again") from error


def _rounded(value: float | None) -> float | None:
    return round(value, 3) if value is not None and math.isfinite(value) else None
