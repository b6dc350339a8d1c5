"""The study as configured: what the rules derive from the configuration, which `configuration` has checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import yaml

Config = Mapping[str, Any]

# Figures with runs of their own (`figures:` in config.yaml), and the regimes that each compares.
FIGURE_REGIMES = {
    "learning_curves": ("baseline", "transfer"),
    "layers": (
        "baseline",
        "transfer_to_token_embeddings",
        "transfer_to_character_embeddings",
        "transfer_to_character_lstm",
        "transfer_to_token_lstm",
        "transfer_to_fully_connected",
        "transfer",
    ),
}


def reading_settings(corpus: Config) -> dict[str, Any]:
    """The settings of a corpus that decide what is read from its files."""
    keys = ("format", "members", "pmid", "pmcid", "discontinuous", "overlapping", "composite")
    return {key: corpus[key] for key in keys if corpus.get(key) is not None}


def visible(file: Path, folder: Path) -> bool:
    """Whether no part of its path below the folder begins with a dot."""
    return not any(part.startswith(".") for part in file.relative_to(folder).parts)


def has_word_vectors(config: Config) -> bool:
    """Whether word vectors are given, by path or URL, and need not be trained."""
    return config["word_vectors"]["path"] is not None or bool(config["word_vectors"]["urls"])


def local_path(config: Config, path: str) -> Path:
    """A configured path; a relative one starts at corpora_root."""
    return _expanded(config["corpora_root"] or ".") / _expanded(path)


def _expanded(path: str) -> Path:
    """The path with a home folder for ~; as it is, where there is none of that name."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)


def source_files(config: Config, path: str | None) -> list[str]:
    """The files at a configured path: itself, or all visible files below a folder, so that an edit to any is seen."""
    if path is None:
        return []
    root = local_path(config, path)
    if not root.is_dir():
        return [str(root)]
    return sorted(str(file) for file in root.rglob("*") if file.is_file() and visible(file, root))


@cache
def registered() -> frozenset[str]:
    """Names of the corpora that config.yaml itself describes, without those that a user adds."""
    text = (Path(__file__).parents[1] / "config.yaml").read_text(encoding="utf-8")
    return frozenset(yaml.safe_load(text)["corpora"])


def selected_corpora(config: Config) -> list[str]:
    """Names of the gold-standard corpora in the study, sorted; unknown names are left to `check`.

    ``study.corpora`` chooses from the registered corpora. Those that a user adds take part all, so that a list in an
    overlay does not hide them, unless the list names some of them: then only these do. ``study.skip`` leaves out.
    """
    study, corpora = config["study"], config["corpora"]
    named = set(corpora) if study["corpora"] == "all" else set(study["corpora"])
    added = set(corpora) - registered()
    chosen = (named if named & added else named | added) - set(study["skip"])
    return sorted(n for n in chosen if n in corpora and set(study["entities"]) & set(corpora[n]["entities"]))


def data_sets(config: Config) -> list[tuple[str, str]]:
    """The study's (entity class, corpus) pairs, in the order of the classes, then by name (Table 1's 23 rows)."""
    return [
        (entity, corpus)
        for entity in config["study"]["entities"]
        for corpus in selected_corpora(config)
        if entity in config["corpora"][corpus]["entities"]
    ]


def run_folders(config: Config) -> list[str]:
    """The folder of every fine-tuning run: data sets × regimes × shares × seeds, and the runs that figures add."""
    study = config["study"]
    runs = _folders(data_sets(config), study["regimes"], study["shares"], study["seeds"])
    for figure in FIGURE_REGIMES:
        runs += figure_runs(config, figure)
    return list(dict.fromkeys(runs))


def table_runs(config: Config) -> list[str]:
    """The runs that the tables compare: baseline and full transfer on every data set, at the study's largest share."""
    study = config["study"]
    regimes = [regime for regime in ("baseline", "transfer") if regime in study["regimes"]]
    return _folders(data_sets(config), regimes, [max(study["shares"])], study["seeds"])


def figure_runs(config: Config, figure: str) -> list[str]:
    """The runs that a figure of FIGURE_REGIMES shows.

    Of its data sets those that the study holds; a study without any transfer has no source taggers, so that only
    baselines are left.
    """
    settings = config["figures"][figure]
    transfers = any(regime != "baseline" for regime in config["study"]["regimes"])
    regimes = [regime for regime in FIGURE_REGIMES[figure] if transfers or regime == "baseline"]
    wanted = figure_data_sets(config, figure)
    held = [pair for pair in data_sets(config) if pair in wanted]
    return _folders(held, regimes, settings["shares"], settings["seeds"])


def figure_data_sets(config: Config, figure: str) -> list[tuple[str, str]]:
    """The (entity class, corpus) pairs that a figure is to show."""
    wanted = (data_set.split("/") for data_set in config["figures"][figure]["data_sets"])
    return [(entity, corpus) for entity, corpus in wanted]


def figure_left_out(config: Config, figure: str) -> list[tuple[str, str]]:
    """Those of `figure_data_sets` that the study does not hold."""
    held = data_sets(config)
    return [pair for pair in figure_data_sets(config, figure) if pair not in held]


def _folders(
    pairs: Iterable[tuple[str, str]], regimes: Iterable[str], shares: Iterable[int], seeds: Iterable[int]
) -> list[str]:
    return [
        f"results/runs/{entity}/{corpus}/{regime}/share{share}/seed{seed}"
        for (entity, corpus), regime, share, seed in product(pairs, regimes, shares, seeds)
    ]


def reported_settings(config: Config) -> dict[str, Any]:
    """The configuration without what the study does not use: other corpora and the other training mode."""
    mode = config["training"]["mode"]
    return {
        **config,
        "corpora": {name: config["corpora"][name] for name in selected_corpora(config)},
        "training": {key: value for key, value in config["training"].items() if key in ("mode", mode, "threads")},
    }
