"""Trained taggers on disk: a folder with `model.safetensors` (the parameters) and `model.json` (all else).

The frozen word vectors are not in the bundle; it names them by checksum and they are given again to load it. Nothing in
a bundle is ever executed: the parameters are plain numbers in the safetensors format.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from model.batches import WordVectors
from model.settings import ModelError, read_settings
from model.tagger import Tagger, TaggerConfig

FORMAT = 1
PARAMETERS = "model.safetensors"
DESCRIPTION = "model.json"


def save_bundle(tagger: Tagger, folder: Path, training: Mapping[str, Any]) -> None:
    """Write the two files of a bundle into an existing folder; `training` are the settings it was trained with."""
    parameters = save({name: value.detach().cpu().clone() for name, value in tagger.state_dict().items()})
    vectors = tagger.word_vectors
    description = {
        "format": FORMAT,
        "tagger": asdict(tagger.config),
        "alphabet": tagger.alphabet,
        "tags": tagger.tags,
        "vectors": {"sha256": vectors.sha256, "words": len(vectors.matrix), "dimension": vectors.dimension},
        "training": dict(training),
        "parameters": {"sha256": hashlib.sha256(parameters).hexdigest()},
    }
    (folder / PARAMETERS).write_bytes(parameters)
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8", newline="")


def load_bundle(folder: Path, vectors: WordVectors) -> Tagger:
    """Load a tagger, on the CPU, with the word vectors it was trained with.

    Raises ModelError for other vectors and for a bundle that is missing, damaged, foreign or of an unknown version.
    """
    place = folder / DESCRIPTION
    try:
        description = json.loads(place.read_text(encoding="utf-8"))
        parameters = (folder / PARAMETERS).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder}: no bundle ({error.strerror}: {error.filename}); train the tagger first") from error
    except ValueError as error:
        raise ModelError(f"{place}: not the description of a tagger ({error}); train the tagger again") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else None
        raise ModelError(f"{place}: format {found!r}, this program reads {FORMAT}; train the tagger again")
    try:
        config = read_settings(TaggerConfig, description["tagger"], f"{place}: tagger")
        alphabet, tags = _names(description["alphabet"]), _names(description["tags"])
        checksum, wanted = description["parameters"]["sha256"], description["vectors"]
        dimension, words, sha256 = wanted["dimension"], wanted["words"], wanted["sha256"]
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{place}: damaged ({error}); train the tagger again") from error
    if vectors.sha256 != sha256:
        raise ModelError(
            f"{place}: trained with word vectors {sha256} ({words} of dimension {dimension}), but these are "
            f"{vectors.sha256} ({len(vectors.matrix)} of dimension {vectors.dimension}); give the same files"
        )
    if hashlib.sha256(parameters).hexdigest() != checksum:
        raise ModelError(f"{folder / PARAMETERS}: damaged or of another tagger (checksum differs); train it again")
    tagger = Tagger(config, vectors, alphabet, tags)
    try:
        tensors = load(parameters)
        for name, value in tensors.items():
            if value.dtype != torch.float32 or not torch.isfinite(value).all():
                raise ModelError(f"{name} is {value.dtype} or not finite")
        tagger.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, ModelError) as error:
        raise ModelError(f"{folder / PARAMETERS}: does not fit {place} ({error}); train the tagger again") from error
    return tagger.eval()


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value) or len(set(value)) != len(value):
        raise TypeError(f"expected a list of different texts, found {value!r:.60}")
    return tuple(value)
