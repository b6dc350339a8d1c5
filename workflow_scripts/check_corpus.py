"""Report on one configured corpus and stop: `make check-corpus CORPUS=name CONFIG=mine.yaml`."""

from __future__ import annotations

import argparse
import logging
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

import configuration
import study
from corpora.check import check_corpus
from corpora.convert import CorpusSpec

ROOT = Path(__file__).parents[1]


def configured(overlays: list[str], name: str) -> dict[str, Any]:
    """The configuration as Snakemake makes it, with this corpus alone, checked as for a run.

    Raises ConfigError for an unknown corpus and for whatever stops a run.
    """
    config = configuration.load(overlays)
    if name not in config["corpora"]:
        own = "" if overlays else " (one of yours needs CONFIG=, the file that describes it)"
        remedy = configuration.nearest(name, config["corpora"])
        raise configuration.ConfigError(f"CORPUS: unknown corpus '{name}'; {remedy}{own}")
    entities = list(config["corpora"][name]["entities"])
    config["study"] |= {"corpora": [name], "skip": [], "entities": entities, "regimes": ["baseline"]}
    schema = yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    configuration.check(config, schema)
    return config


def native_files(config: dict[str, Any], overlays: list[str], name: str) -> Path:
    """Where the corpus lies: the configured path, or what the workflow's rule downloads."""
    corpus = config["corpora"][name]
    if corpus.get("path") is not None:
        return study.local_path(config, corpus["path"])
    native = Path("resources/native", name)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--cores", "1"]
    command += ["--quiet", "host", "rules", "reason", "progress"]
    command += ["--configfile", *overlays] * bool(overlays)
    if subprocess.run([*command, "--", native.as_posix()], check=False).returncode:  # noqa: S603  (no shell)
        raise configuration.ConfigError(f"{name} could not be fetched; the lines above say why")
    return native


def main(arguments: list[str]) -> int:
    """Print the report; exit code 1 if the corpus or the configuration cannot be used."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus")
    parser.add_argument("--configfile", nargs="*", default=[], help="files laid over config.yaml")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        config = configured(options.configfile, options.corpus)
        native = native_files(config, options.configfile, options.corpus)
        corpus = config["corpora"][options.corpus]
        report = check_corpus(
            native,
            CorpusSpec.from_settings(study.reading_settings(corpus)),
            corpus["entities"],
            policy=corpus.get("split", "random"),
            percent=config["study"]["split"],
            seed=config["study"]["split_seed"],
        )
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{options.corpus} ({corpus['format']}) at {native}\n{report.text()}")
    faults = len(report.errors)
    print(
        f"{options.corpus} cannot be used: {faults:,} error{'s' * (faults != 1)}"
        if faults
        else f"{options.corpus} can be used"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # `| head` ends it without a traceback
    sys.exit(main(sys.argv[1:]))
