"""Size, build and load time of the report of a study as large as the paper's: python -m benchmarks.report_page.

The study is invented: 23 data sets with the token and annotation counts of Table 1, some 600 runs, made-up words. The
last line is one JSON object. Loading is measured where Debian's chromium and chromium-driver are installed.
"""

from __future__ import annotations

import csv
import json
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import accumulate, product
from pathlib import Path
from random import Random
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from analysis.page.build import write_page  # noqa: E402
from analysis.page.documents import DataSet  # noqa: E402
from analysis.scores import COLUMNS  # noqa: E402

CURVES = ["CHED/cdr", "DISO/ncbi_disease", "LIVB/linnaeus", "PRGE/bc2gm"]
LAYERS = ["token_embeddings", "character_embeddings", "character_lstm", "token_lstm", "fully_connected"]
SYLLABLES = [first + second for first in "bcdfghlmnprstv" for second in ("a", "e", "i", "o", "u", "er", "in", "an")]
# Words of up to five syllables, drawn with the frequencies of Zipf's law: gzip leaves 34 percent of the text, as it
# leaves 32 to 39 percent of LINNAEUS and BC2GM.
_words = Random(0)
WORDS = ["".join(_words.choices(SYLLABLES, k=1 + min(4, int(_words.expovariate(0.9))))) for _ in range(30_000)]
ODDS = list(accumulate(1 / (rank + 2) for rank in range(len(WORDS))))


def invent_study(folder: Path, scale: float = 1.0, seed: int = 1) -> dict[str, Any]:
    """Write a finished study's files below a folder; gives the keyword arguments of `write_page` but `page`.

    `scale` is the share of the paper's test tokens that the documents hold; the runs are some 600 always.
    """
    rng = Random(seed)
    with (ROOT / "workflow_scripts/analysis/paper/table1.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    config["corpora"] = {row["corpus"]: {"title": row["title"], "entities": {}, "urls": []} for row in rows}
    runs = [(row["entity"], row["corpus"], regime, 60, s) for row in rows for regime, s in product(_REGIMES, (1, 2, 3))]
    for data_set in CURVES:
        entity, corpus = data_set.split("/")
        runs += [
            (entity, corpus, r, share, s) for r in _REGIMES for share in (5, 10, 20, 30, 40, 50) for s in (1, 2, 3)
        ]
        runs += [
            (entity, corpus, f"transfer_to_{r}", x, s) for r in LAYERS for x in (5, 10, 20, 40, 60) for s in (1, 2, 3)
        ]
    scores = []
    for entity, corpus, regime, share, number in runs:
        run = folder / f"results/runs/{entity}/{corpus}/{regime}/share{share}/seed{number}"
        test = _write_run(run, rng, 40 + share * 0.6 + (regime != "baseline") * 3, number)
        layers = {"baseline": "none", "transfer": "crf"}.get(regime, regime.removeprefix("transfer_to_"))
        scores.append([entity, corpus, regime.split("_")[0], layers, share, number, *test.values(), 40, 100.0, "cpu"])
    for entity, number in product(sorted({row["entity"] for row in rows}), (1, 2, 3)):
        _write_run(folder / f"results/source/{entity}/seed{number}", rng, 70, number)
    with (folder / "results/scores.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *scores])
    data_sets = [_write_data_set(folder, row, scale, rng) for row in rows]
    return {
        "results": folder / "results",
        "tables": [],
        "figures": [],
        "captions": [],
        "runs": [folder / f"results/runs/{e}/{c}/{regime}/share{x}/seed{s}" for e, c, regime, x, s in runs],
        "sources": [
            folder / f"results/source/{e}/seed{s}" for e in ("CHED", "DISO", "LIVB", "PRGE") for s in (1, 2, 3)
        ],
        "data_sets": data_sets,
        "compared_runs": "runs of 60 percent of a corpus, seed 1",
        "config": config,
        "lock": ROOT / "requirements.lock",
        "command": "snakemake --cores 8 --resources gpu=1 -- results/report.html",
    }


_REGIMES = ("baseline", "transfer")


def _write_run(folder: Path, rng: Random, level: float, seed: int) -> dict[str, Any]:
    folder.mkdir(parents=True)
    epochs = rng.randint(12, 40)
    rows = ["epoch\tloss\tprecision\trecall\tf1"]
    for epoch in range(1, epochs + 1):
        f1 = max(0.0, level * (1 - 0.8**epoch) + rng.gauss(0, 1))
        rows.append(f"{epoch}\t{8 * 0.85**epoch:.6g}\t{f1:.6g}\t{f1:.6g}\t{f1:.6g}")
    (folder / "history.tsv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    f1 = level + rng.gauss(0, 0.5)
    test = {"precision": f1 + 1, "recall": f1 - 1, "f1": f1, "gold": 1000, "predicted": 990, "correct": 800}
    metrics = {"test": test, "dev": test, "best_epoch": epochs - 10, "epochs": epochs, "seconds": 100.0}
    metrics |= {"device": "cpu", "threads": 1, "seed": seed}
    (folder / "metrics.json").write_text(json.dumps(metrics), encoding="utf-8")
    return test


def _write_data_set(folder: Path, row: dict[str, str], scale: float, rng: Random) -> DataSet:
    """The test documents of a row of Table 1, at 30 percent of its tokens, and both regimes' predictions."""
    entity, corpus = row["entity"], row["corpus"]
    texts = folder / f"results/brat/{entity}/{corpus}"
    texts.mkdir(parents=True)
    tokens = int(int(row["tokens"]) * 0.3 * scale)
    density = int(row["annotations"]) / int(row["tokens"])
    if corpus == "bc2gm":
        sentences, paragraphs = 1, 1
    else:
        sentences, paragraphs = (6, 30) if row["text_type"] == "Full-text" else (8, 1)
    first, second = (
        folder / f"results/runs/{entity}/{corpus}/{regime}/share60/seed1/predictions.tsv" for regime in _REGIMES
    )
    with first.open("w", encoding="utf-8") as baseline, second.open("w", encoding="utf-8") as transfer:
        number = 0
        while tokens > 0:
            document, number = f"{corpus}-{number:05}", number + 1
            text = ""
            for part in range(paragraphs):
                text += "\n" if part else ""
                for _ in range(sentences):
                    text += "" if not text or text.endswith("\n") else " "
                    words = rng.choices(WORDS, cum_weights=ODDS, k=rng.randint(12, 36))
                    tokens -= len(words) + 1
                    lines = list(_tagged([*words, "."], entity, len(text), density, rng))
                    text += " ".join(words) + "."
                    baseline.write(
                        "".join(f"{w}\t{document}\t{s}\t{e}\t{g}\t{b}\n" for w, s, e, g, b, _ in lines) + "\n"
                    )
                    transfer.write(
                        "".join(f"{w}\t{document}\t{s}\t{e}\t{g}\t{t}\n" for w, s, e, g, _, t in lines) + "\n"
                    )
            (texts / f"{document}.txt").write_text(text, encoding="utf-8", newline="")
    return DataSet(entity, corpus, first, second, texts)


def _tagged(words: list[str], entity: str, at: int, density: float, rng: Random) -> Iterator[tuple[Any, ...]]:
    """Token, offsets, gold tag and both predicted tags; a tagger errs at one mention in six."""
    for word in words:
        start = at - 1 if word == "." else at
        gold = f"S-{entity}" if rng.random() < density else "O"
        predicted = []
        for _ in _REGIMES:
            wrong = rng.random() < (1 / 6 if gold != "O" else density / 8)
            predicted.append((f"S-{entity}" if gold == "O" else "O") if wrong else gold)
        yield word, start, start + len(word), gold, *predicted
        at += len(word) + 1


def browse_page(page: Path) -> dict[str, float]:
    """Seconds, and processor seconds of its thread, until the page and until the largest data set's texts stand."""
    from selenium import webdriver
    from selenium.webdriver.support.ui import Select, WebDriverWait

    options = webdriver.ChromeOptions()
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-dev-shm-usage"):
        options.add_argument(f"--{flag}")
    figures: dict[str, float] = {}
    with webdriver.Chrome(options, webdriver.ChromeService("/usr/bin/chromedriver")) as driver:

        def processor_seconds() -> float:
            metrics = driver.execute_cdp_cmd("Performance.getMetrics", {})["metrics"]
            return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))

        def measured(name: str, action: Callable[[], None]) -> None:
            spent, began = processor_seconds(), time.perf_counter()
            action()
            ready = "return document.getElementById('document-status')?.textContent.startsWith('Text')"
            WebDriverWait(driver, 120, 0.05).until(lambda d: d.execute_script(ready))
            figures[f"{name}_seconds"] = round(time.perf_counter() - began, 2)
            figures[f"{name}_processor_seconds"] = round(processor_seconds() - spent, 2)

        driver.execute_cdp_cmd("Performance.enable", {"timeDomain": "threadTicks"})
        measured("load", lambda: driver.get(page.as_uri()))
        select = Select(driver.find_element("css selector", "#document-filters [name=set]"))
        sizes = [float(option.text.split("(")[-1].split()[0]) * ("MB" in option.text) for option in select.options]
        measured("largest_data_set", lambda: select.select_by_index(sizes.index(max(sizes))))
    return figures


def main() -> None:
    """Invent, build, measure."""
    with tempfile.TemporaryDirectory() as place:
        study = invent_study(Path(place))
        page = Path(place, "report.html")
        began = time.process_time()
        write_page(page, **study)
        figures: dict[str, Any] = {
            "runs": len(study["runs"]),
            "data_sets": len(study["data_sets"]),
            "megabytes": round(page.stat().st_size / 1e6, 1),
            "build_processor_seconds": round(time.process_time() - began, 1),
            "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }
        if shutil.which("chromedriver"):
            figures |= browse_page(page)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
