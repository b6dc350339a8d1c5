"""Transfer learning: start a tagger from the parameters of another one, up to a chosen layer.

Source: Giorgi and Bader (2018), section 2.1.1 and supplementary figure 1. The order of the layers is that of the
figure; the fully connected layer is both the tanh layer and the one that gives the tags' scores (NeuroNER's switches
count the tanh layer to the token LSTM). Everything that was copied goes on training.
"""

from __future__ import annotations

import logging
from dataclasses import asdict

import torch

from model.settings import ModelError
from model.tagger import Tagger

LAYERS = ("none", "token_embeddings", "character_embeddings", "character_lstm", "token_lstm", "fully_connected", "crf")

logger = logging.getLogger(__name__)


def check_layers(up_to: str) -> None:
    """Raise ModelError unless `up_to` is one of LAYERS."""
    if up_to not in LAYERS:
        raise ModelError(f"layers is {up_to!r}; valid values: {', '.join(LAYERS)}")


@torch.no_grad()
def transfer(source: Tagger, target: Tagger, up_to: str) -> list[dict[str, object]]:
    """Copy the source's parameters into the target, for all layers up to and with `up_to` (one of LAYERS).

    Rows of the character table are matched by character, the tags' weights and transitions by tag name; what the source
    does not have stays fresh. Returns a row for each parameter: layer, parameter, shape, and `state`: "copied",
    "partly (n of m)" counted in numbers, or "fresh". Raises ModelError for an unknown layer and for taggers of other
    sizes, another variant or other word vectors; how they decode may differ.
    """
    check_layers(up_to)
    theirs, ours = (asdict(tagger.config) | {"decoding": ""} for tagger in (source, target))
    if other := [name for name in ours if ours[name] != theirs[name]]:
        told = ", ".join(f"{name} {theirs[name]} in the source, {ours[name]} in the target" for name in other)
        raise ModelError(f"the taggers differ: {told}; use the same settings")
    if source.word_vectors.origin != target.word_vectors.origin:
        raise ModelError("the source tagger was trained with word vectors of another file; use the same for both")
    chosen = LAYERS[1 : LAYERS.index(up_to) + 1]
    characters = _matched(("", *source.alphabet), ("", *target.alphabet))
    tags = _matched(source.tags, target.tags)
    given = dict(source.named_parameters())
    table: list[dict[str, object]] = []
    for name, parameter in target.named_parameters():
        layer = name.split(".")[0]
        copied = 0
        if layer in chosen:
            # The numbers of each axis that both taggers have, in the source and in the target.
            axes = [
                characters
                if name == "character_embeddings.weight" and axis == 0
                else tags
                if layer == "crf" or (name.startswith("fully_connected.2.") and axis == 0)
                else (torch.arange(size), torch.arange(size))
                for axis, size in enumerate(parameter.shape)
            ]
            here = torch.meshgrid(*(ours for _, ours in axes), indexing="ij")
            there = torch.meshgrid(*(theirs for theirs, _ in axes), indexing="ij")
            parameter[here] = given[name][there].to(parameter)
            copied = here[0].numel()
        state = "fresh" if not copied else "copied"
        if 0 < copied < parameter.numel():
            state = f"partly ({copied} of {parameter.numel()})"
        table.append({"layer": layer, "parameter": name, "shape": list(parameter.shape), "state": state})
        logger.info("transfer: %s %s: %s", name, list(parameter.shape), state)
    return table


def _matched(source: tuple[str, ...], target: tuple[str, ...]) -> tuple[torch.Tensor, torch.Tensor]:
    """Positions in source and in target of the names that both have."""
    pairs = [(source.index(name), number) for number, name in enumerate(target) if name in source]
    theirs, ours = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2).T
    return theirs, ours
