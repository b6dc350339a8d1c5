"""Where the page's numbers come from: program, versions, settings, data, devices, dates."""

from __future__ import annotations

import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import yaml

from sources import files_of

PROJECT = Path(__file__).parents[3]
NAMED = ("snakemake", "torch", "numpy", "pandas", "numba", "pytorch-crf", "spacy", "gensim", "scipy", "matplotlib")
"""Packages shown first; all others of the lock are listed behind them."""


@dataclass(frozen=True)
class Corpus:
    """A gold-standard or silver-standard corpus: what it is called, where it came from, and under which terms."""

    title: str
    origin: list[str]
    license: str
    cite: str


@dataclass(frozen=True)
class Provenance:
    """What the last part of the page says; facts are pairs of a name and one line."""

    facts: list[tuple[str, str]]
    versions: list[tuple[str, str]]
    other_versions: list[tuple[str, str]]
    corpora: list[Corpus]
    settings: str  # YAML
    commands: list[str]


def provenance(config: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], lock: Path, command: str) -> Provenance:
    """Collect it from the configuration, the records of `read_runs`, the lock file and the project's history.

    `command` is the Snakemake command that makes the page.
    """
    pins = dict(re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))
    versions = [("Python", platform.python_version())]
    versions += [(name, _version(name, pins[name])) for name in NAMED if name in pins]
    dates = sorted({str(run["finished"]) for run in runs})
    devices = sorted({str(run["device"]) for run in runs})
    threads = list(map(str, sorted({int(run["threads"]) for run in runs if run["threads"]})))
    seconds = sum(int(run["seconds"]) for run in runs)
    study, mode = config["study"], config["training"]["mode"]
    split = ", ".join(f"{part} {percent} %" for part, percent in study["split"].items())
    facts = [
        ("Project", f"{_commit()}, when this page was made"),
        ("Page made", datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")),
        ("Runs finished", " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "none"),
        ("Trainings", f"{len(runs):,}, together {_duration(seconds)} of training, prediction and loading"),
        ("Device", ", ".join(devices) + (f"; {', '.join(threads)} CPU thread(s) a training" if threads else "")),
        ("Seeds of training", _listed(sorted({run["seed"] for run in runs}))),
        ("Split", f"{split} of the documents, seed {study['split_seed']}, where the corpus brings none of its own"),
        ("Shares", f"{_listed(sorted({run['share'] for run in runs} - {0}))} percent of a corpus used for training"),
        ("Tagger", f"variant {config['tagger']['variant']}; training mode {mode}"),
        ("Word vectors", _word_vectors(config["word_vectors"])),
        ("Silver standard", _silver(config["silver"])),
    ]
    corpora = [_corpus(name, corpus) for name, corpus in config["corpora"].items()]
    corpora.append(_corpus("silver", config["silver"]["corpus"]))
    rest = [(name, pin) for name, pin in pins.items() if name not in NAMED]
    settings = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)
    return Provenance(facts, versions, rest, corpora, settings, [command])


def _version(name: str, pin: str) -> str:
    """The version installed here; the pinned one, said to be so, for a package that only other rules need."""
    try:
        return version(name)
    except PackageNotFoundError:
        return f"{pin} (pinned for the rules that use it)"


def _commit() -> str:
    try:
        commit, changes = (
            subprocess.run(  # noqa: S603  (a fixed command)
                ["git", "-C", str(PROJECT), *arguments],  # noqa: S607  (whichever git the user has)
                capture_output=True,
                text=True,
                check=True,
                timeout=30,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain"])
        )
    except (OSError, subprocess.SubprocessError):
        return "of unknown commit (no git here)"
    return f"commit {commit}" + (" with uncommitted changes" if changes else "")


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(str, values))


def _duration(seconds: int) -> str:
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours:,} h {minutes} min" if hours else f"{minutes} min {seconds % 60} s"


def _origin(source: Mapping[str, Any]) -> list[str]:
    return [str(source["path"])] if source.get("path") else [url for file in files_of(source) for url in file["urls"]]


def _word_vectors(vectors: Mapping[str, Any]) -> str:
    origin = _origin(vectors)
    if origin:
        return f"{origin[0]}, {vectors['dimension']} dimensions"
    return f"word2vec trained here by gensim on the text of the study's corpora, {vectors['dimension']} dimensions"


def _silver(silver: Mapping[str, Any]) -> str:
    title = silver["corpus"].get("title", "silver-standard corpus")
    if silver["corpus"].get("path"):
        title += f" (from {silver['corpus']['path']})"
    return f"{title}, up to {silver['documents']:,} documents a class, sampled with seed {silver['seed']}"


def _corpus(name: str, corpus: Mapping[str, Any]) -> Corpus:
    license_, cite = corpus.get("license", "not stated"), corpus.get("cite", "")
    return Corpus(str(corpus.get("title", name)), _origin(corpus), str(license_), str(cite))
