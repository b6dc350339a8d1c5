"""The configuration read, and checked before any job: by its schema, and for what a schema cannot say."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from sources import files_of
from study import (
    FIGURE_REGIMES,
    Config,
    data_sets,
    figure_runs,
    has_word_vectors,
    local_path,
    reading_settings,
    registered,
    selected_corpora,
    visible,
)

# YAML's 60.0 is no whole number, and .nan none at all.
_VALIDATOR: Any = jsonschema.validators.extend(  # type: ignore[no-untyped-call]
    jsonschema.Draft202012Validator,
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and math.isfinite(value),
        }
    ),
)


class ConfigError(ValueError):
    """A configuration that cannot be run; the message has one line a fault."""


def nearest(word: str, valid: Iterable[str]) -> str:
    """A remedy for a misspelled word: the most similar valid one, and all of them where none is similar.

    >>> nearest("patiense", ["patience", "epochs"])
    "did you mean 'patience'?"
    """
    valid = sorted(valid)
    match = get_close_matches(word, valid, n=1, cutoff=0.5) or [v for v in valid if v.casefold() == word.casefold()]
    return f"did you mean '{match[0]}'?" if match else f"valid are: {', '.join(valid) or 'none'}"


def load(overlays: Sequence[str | Path]) -> dict[str, Any]:
    """The configuration with these files laid over it, as Snakemake makes it, outside of Snakemake.

    Raises ConfigError for a file that cannot be read, and where the whole breaks the schema.
    """
    from snakemake.common.configfile import load_configfile  # only here: the rules have the configuration already
    from snakemake.exceptions import WorkflowError
    from snakemake.utils import update_config

    root = Path(__file__).parents[1]
    config: dict[str, Any] = load_configfile(root / "config.yaml")
    for overlay in overlays:
        try:
            update_config(config, load_configfile(overlay))
        except (WorkflowError, UnicodeDecodeError, OSError) as error:
            raise ConfigError(f"{overlay}: {error}") from error
    schema = yaml.safe_load((root / "rules/schemas/config.schema.yaml").read_text(encoding="utf-8"))
    if faults := list(schema_faults(config, schema)):
        raise ConfigError("\n".join(faults))
    return config


def check(config: Config, schema: Mapping[str, Any]) -> None:
    """Stop at a configuration that cannot be run.

    Raises ConfigError with every fault found: unknown keys, corpora, classes, formats, labels, paths that are
    not there, shares larger than the training split.
    """
    faults = list(schema_faults(config, schema)) or list(_study_faults(config))
    if faults:
        raise ConfigError("\n".join(faults))


def check_folder(folder: Path) -> None:
    """Stop where a study cannot be written. Raises ConfigError, for a working folder or a part of it that is closed."""
    parts = [folder, *(folder / part for part in (".snakemake", "results", "resources", "logs", "checkpoints"))]
    parts += filter(Path.is_dir, (folder / "results").glob("*"))
    if closed := next((part for part in parts if part.exists() and not os.access(part, os.W_OK | os.X_OK)), None):
        raise ConfigError(f"{closed} cannot be written; correct that, or choose another folder with --directory")


def check_labels(config: Config) -> None:
    """Read the gold-standard corpora that lie on this machine and state no `labels`, for labels that they do not have.

    Raises ConfigError naming the nearest label, and CorpusError for a file that cannot be read.
    """
    from corpora.convert import CorpusSpec, labels_seen  # only here: no job needs a reader to parse the rules

    for name, corpus in _corpora(config):
        if name == "silver.corpus" or corpus.get("labels") or corpus.get("path") is None:
            continue
        seen = labels_seen(local_path(config, corpus["path"]), CorpusSpec.from_settings(reading_settings(corpus)))
        faults = [
            f"{name}.entities.{entity}: label '{label}' occurs nowhere in {corpus['path']}; {nearest(label, seen)}"
            for entity, labels in corpus["entities"].items()
            for label in labels
            if label not in seen
        ]
        if faults:
            raise ConfigError("\n".join(faults))


def notices(config: Config) -> Iterator[str]:
    """What is allowed and may not be meant: corpora that take no part, documents that no training sees."""
    study = config["study"]
    for name in sorted(set(config["corpora"]) - registered() - set(selected_corpora(config)) - set(study["skip"])):
        yield f"corpora.{name} takes no part: study.corpora names others only, or study.entities none of its classes"
    largest, train = max(study["shares"]), study["split"]["train"]
    if largest < train:
        yield f"study.shares: the largest is {largest}, so that of the {train} percent for training some are never used"
    own = [name for name in selected_corpora(config) if config["corpora"][name].get("split") == "own"]
    if own:
        yield f"{', '.join(own)}: with a split of its own, a share of {train} percent is all of its training part"


def forgotten(folder: Path) -> Iterator[str]:
    """A warning where a study's results lie without Snakemake's notes of what made them."""
    if (folder / "results").is_dir() and not any((folder / ".snakemake/metadata").glob("*")):
        yield (
            f"{folder}: results, but no .snakemake with the notes of what made them, so no change of settings, code or "
            "contents will be seen; copy a study whole (cp -a), or remove its results"
        )


def schema_faults(config: Config, schema: Mapping[str, Any]) -> Iterator[str]:
    """One line for each place where the configuration breaks its schema, naming the nearest valid word."""
    validator = _VALIDATOR(schema)
    for error in sorted(validator.iter_errors(config), key=lambda e: list(map(str, e.absolute_path))):
        yield from _faults(error)


def _faults(error: jsonschema.ValidationError) -> Iterator[str]:
    place = ".".join(map(str, error.absolute_path)) or "configuration"
    rule: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "additionalProperties":
        valid = schema.get("properties", {})
        for key in sorted(set(instance) - set(valid), key=str):
            yield f"{place}: unknown key '{key}'; {nearest(str(key), valid)}"
    elif error.validator == "required":
        missing = [key for key in rule if key not in instance]
        yield f"{place}: {', '.join(missing)} missing; add it (config.yaml and docs/your_corpus.md show how)"
    elif error.validator == "enum":
        valid = [str(value) for value in rule]
        yield f"{place}: unknown value '{instance}'; {nearest(str(instance), valid)}"
    elif error.validator in ("oneOf", "anyOf") and error.context:
        # The branch that got furthest is the one that was meant.
        best = max(error.context, key=lambda e: (len(e.absolute_path), e.validator not in ("type", "const")))
        yield from _faults(best)
    elif error.validator == "pattern" and re.match(r"https?://[^/?#]*@", str(instance)):
        yield f"{place}: an address with a password, which logs and page would show; fetch the file and give its `path`"
    else:
        yield f"{place}: {error.message}; {_remedy(error)}"


def _remedy(error: jsonschema.ValidationError) -> str:
    instance: Any = error.instance
    if error.validator == "type" and isinstance(instance, str):
        if "array" in str(error.validator_value):
            return f"write {json.dumps([instance], ensure_ascii=False)}"
        if "number" in str(error.validator_value) and re.fullmatch(r"[-+]?\d+(\.\d*)?[eE][-+]?\d{1,2}", instance):
            mantissa, _, exponent = instance.lower().partition("e")
            return f"YAML takes this for text; write {float(mantissa)}e{int(exponent):+}"
    return "see config.yaml and rules/schemas/config.schema.yaml"


def _study_faults(config: Config) -> Iterator[str]:
    study = config["study"]
    registry = config["corpora"]
    if study["corpora"] != "all":
        for name in study["corpora"]:
            if name not in registry:
                yield f"study.corpora: unknown corpus '{name}'; {nearest(name, registry)}"
    for name in study["skip"]:
        if name not in registry:
            yield f"study.skip: unknown corpus '{name}'; {nearest(name, registry)}"
    for split, place in [(study["split"], "study.split"), (config["silver"]["split"], "silver.split")]:
        if sum(split.values()) != 100:
            yield f"{place}: {split} sums to {sum(split.values())} percent; make it 100"
    figures = [(config["figures"][f], f"figures.{f}") for f in FIGURE_REGIMES if figure_runs(config, f)]
    for settings, place in [(study, "study"), *figures]:
        for share in settings["shares"]:
            if share > study["split"]["train"]:
                yield f"{place}.shares: {share} is more than study.split.train; give at most {study['split']['train']}"
    for figure in FIGURE_REGIMES:
        for data_set in config["figures"][figure]["data_sets"]:
            entity, corpus = data_set.split("/")
            if corpus not in registry:
                yield f"figures.{figure}.data_sets: unknown corpus '{corpus}'; {nearest(corpus, registry)}"
            elif entity not in registry[corpus]["entities"]:
                held = ", ".join(registry[corpus]["entities"])
                yield f"figures.{figure}.data_sets: {corpus} has no class {entity}; it has {held}"
    for name in registry:
        if name == "silver" or name.startswith(("blacklist_", "word_vectors")):
            yield f"corpora.{name}: this name is used for another source; choose another"
    titles: dict[tuple[str, str], str] = {}
    for entity, name in data_sets(config):
        title = registry[name].get("title", name)
        if (other := titles.setdefault((entity, title), name)) != name:
            yield f"corpora.{name}.title: '{title}' is what {other} is called too; tables could not tell them apart"
    for name, source in _sources(config):
        if source.get("path") is None and not files_of(source):
            yield f"{name}: neither path nor urls nor files; say where the data are"
        if source.get("path") is not None and (fault := _path_fault(local_path(config, source["path"]))):
            yield f"{name}.path: {fault}"
    for name, corpus in _corpora(config):
        for entity, labels in corpus["entities"].items():
            for label in labels:
                if corpus.get("labels") and label not in corpus["labels"]:
                    yield f"{name}.entities.{entity}: unknown label '{label}'; {nearest(label, corpus['labels'])}"
        for key in ("pmid", "pmcid"):
            pattern = corpus.get(key)
            if pattern is not None and _groups(pattern) != 1:
                yield f"{name}.{key}: '{pattern}' is no regular expression with one group, which is to hold the digits"
    if "transfer" in "".join(study["regimes"]):
        for entity in study["entities"]:
            if entity not in config["silver"]["corpus"]["entities"]:
                yield f"silver.corpus.entities: no labels for {entity}, which study.entities asks for; add them"
    for entity in study["entities"]:
        if not any(e == entity for e, _ in data_sets(config)):
            yield f"study.entities: no configured corpus holds {entity}; add one or leave {entity} out"


def _groups(pattern: str) -> int:
    try:
        return re.compile(pattern).groups
    except re.error:
        return -1


def _corpora(config: Config) -> Iterator[tuple[str, Config]]:
    for name in selected_corpora(config):
        yield f"corpora.{name}", config["corpora"][name]
    yield "silver.corpus", config["silver"]["corpus"]


def _sources(config: Config) -> Iterator[tuple[str, Config]]:
    yield from _corpora(config)
    for entity, blacklist in config["silver"]["blacklists"].items():
        if blacklist is not None:
            yield f"silver.blacklists.{entity}", blacklist
    if config["silver"]["pmc_ids"] is not None:
        yield "silver.pmc_ids", {"path": config["silver"]["pmc_ids"]}
    if has_word_vectors(config):
        yield "word_vectors", config["word_vectors"]


def _path_fault(path: Path) -> str | None:
    """What is wrong with a user's file, or the first bad one below a folder; one walk, as folders may be large."""
    if not path.exists():
        where = "" if path.is_absolute() else f" in {Path.cwd()}"
        return f"{path} does not exist{where}; correct it or corpora_root"
    if Path.cwd().is_relative_to(path.resolve()):
        return f"{path} is the working folder or holds it; give the data a folder of their own"
    for file in (path, *(path.rglob("*") if path.is_dir() else ())):
        if not os.access(file, os.R_OK | (os.X_OK if file.is_dir() else 0)):
            return f"{file} cannot be read; correct its permissions"
        if set("{}") & set(str(file)) and visible(file, path):
            return f"{file} has a brace in its name, which Snakemake takes for a wildcard; rename it"
    return None
