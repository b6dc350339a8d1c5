"""Trained taggers on disk: a folder with `model.safetensors` (the parameters) and `model.json` (all else).

`sha256` in model.json is that of all else in it (as JSON without blanks, its keys sorted) and the parameters' file.

The frozen word vectors are not in the bundle; it names the file they come from by checksum, and vectors of that file
are given again to load it. Nothing in a bundle is ever executed: the parameters are plain numbers in the safetensors
format.
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
from torch import Tensor

from model.batches import WordVectors
from model.corpus import TAG
from model.settings import ModelError, read_settings
from model.tagger import Tagger, TaggerConfig

FORMAT = 3
PARAMETERS = "model.safetensors"
DESCRIPTION = "model.json"


def save_bundle(tagger: Tagger, folder: Path, training: Mapping[str, Any]) -> None:
    """Write the two files of a bundle into an existing folder; `training` are the settings it was trained with.

    Raises OSError; a file may then be half-written.
    """
    parameters = save({name: value.detach().cpu().clone() for name, value in tagger.state_dict().items()})
    vectors = tagger.word_vectors
    description = {
        "format": FORMAT,
        "tagger": asdict(tagger.config),
        "alphabet": tagger.alphabet,
        "tags": tagger.tags,
        "vectors": {"sha256": vectors.origin, "dimension": vectors.dimension},
        "training": dict(training),
    }
    description["sha256"] = _checksum(description, parameters)
    (folder / PARAMETERS).write_bytes(parameters)
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8", newline="")


def load_bundle(folder: Path, vectors: WordVectors) -> Tagger:
    """Load a tagger, on the CPU, with vectors of the file it was trained with. Torch's random numbers go on from there.

    Raises ModelError for vectors of another file and for a bundle that is missing, damaged, foreign or of an unknown
    version.
    """
    description, parameters = _read(folder)
    wanted = _vectors(folder, description)
    if (vectors.origin, vectors.dimension) != wanted:
        raise ModelError(
            f"{folder}: trained with word vectors of a file with SHA-256 {wanted[0]} (dimension {wanted[1]}), but "
            f"these are of one with {vectors.origin} (dimension {vectors.dimension}); give vectors of the same file"
        )
    try:
        config = read_settings(TaggerConfig, description["tagger"], "tagger")
        alphabet, tags = _names(description["alphabet"]), _names(description["tags"])
        if not all(map(TAG.fullmatch, tags)):
            raise ValueError(f"one of its tags {', '.join(tags)[:80]!r} is none")
        # Before a tagger of these sizes is made, which may be larger than the memory.
        least = 6 * config.token_hidden**2 + 6 * config.character_hidden**2 + config.dense * 2 * config.token_hidden
        if 4 * (least + config.character_dimension * len(alphabet)) > len(parameters):
            raise ValueError("its sizes are larger than its parameters")
        tagger = Tagger(config, vectors, alphabet, tags)
        tagger.load_state_dict(_numbers(parameters))
    except (SafetensorError, KeyError, TypeError, AttributeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{folder}: not a tagger of this program ({error}); train the tagger again") from error
    return tagger.eval()


def vectors_wanted(folder: Path) -> tuple[str, int]:
    """The SHA-256 of the file of word vectors that a bundle's tagger was trained with, and their dimension.

    Raises ModelError as `load_bundle`.
    """
    return _vectors(folder, _read(folder)[0])


def _vectors(folder: Path, description: Mapping[str, Any]) -> tuple[str, int]:
    try:
        vectors = description["vectors"]
        origin, dimension = vectors["sha256"], vectors["dimension"]
        if not isinstance(origin, str) or not isinstance(dimension, int):
            raise TypeError(f"vectors of {origin!r:.80} and dimension {dimension!r:.80}")
        return origin, dimension
    except (KeyError, TypeError) as error:
        raise ModelError(f"{folder}: not a tagger of this program ({error}); train the tagger again") from error


def _read(folder: Path) -> tuple[dict[str, Any], bytes]:
    """The description, without its checksum, and the parameters' file of a bundle whose checksum is right."""
    place = folder / DESCRIPTION
    try:
        description = json.loads(place.read_text(encoding="utf-8"))
        parameters = (folder / PARAMETERS).read_bytes()
    except OSError as error:
        raise ModelError(f"{folder}: no bundle ({error.strerror}: {error.filename}); train the tagger first") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{place}: not the description of a tagger ({error}); train the tagger again") from error
    if not isinstance(description, dict) or description.get("format") != FORMAT:
        found = description.get("format") if isinstance(description, dict) else None
        raise ModelError(f"{place}: format {found!r}, this program reads {FORMAT}; train the tagger again")
    if description.pop("sha256", None) != _checksum(description, parameters):
        raise ModelError(f"{folder}: damaged, or of two taggers (checksum differs); train the tagger again")
    return description, parameters


def _checksum(description: Mapping[str, Any], parameters: bytes) -> str:
    text = json.dumps(description, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode() + parameters).hexdigest()


def _numbers(parameters: bytes) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = load(parameters)
    for name, value in tensors.items():
        if value.dtype != torch.float32 or not torch.isfinite(value).all():
            raise ModelError(f"{name} is {value.dtype} or not finite")
    return tensors


def _names(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value) or len(set(value)) != len(value):
        raise TypeError(f"expected a list of different texts, found {value!r:.60}")
    return tuple(value)
