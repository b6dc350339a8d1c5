"""Settings that users write, checked before any work starts, and the error this package raises for bad input."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


class ModelError(ValueError):
    """Input that the model cannot use; the message names the place, the value and the remedy."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; values are in the workflow's configuration, with their sources."""

    optimizer: Literal["sgd", "adam"]
    learning_rate: float
    batch_sentences: int  # sentences an update, at most
    clipping: Literal["value", "norm"]  # of each number of the gradient, or of the whole gradient's length
    clipping_limit: float
    dropout: float  # share of the token LSTM's inputs set to 0, in [0, 1)
    epochs: int  # at most
    patience: int  # epochs without a better dev F1 before training stops
    minimum_updates: int = 1  # an epoch: batches are smaller where a part is small, down to a sentence each
    precision: Literal["float32", "bfloat16"] = "float32"  # of a GPU's large products; all else is float32

    def __post_init__(self) -> None:
        """Raise ModelError for a value out of range."""
        for name in ("learning_rate", "batch_sentences", "clipping_limit", "epochs", "patience", "minimum_updates"):
            value = getattr(self, name)
            if not (value > 0 and math.isfinite(value)):
                raise ModelError(f"training: {name} is {value}; give a number above 0")
        if not 0 <= self.dropout < 1:
            raise ModelError(f"training: dropout is {self.dropout}; give a share in [0, 1)")

    def for_part(self, sentences: int) -> TrainingConfig:
        """The same for a part of so many sentences: batches small enough for `minimum_updates`, and a rate for them.

        The rate falls with the size of a batch for SGD (Goyal et al., 2017), with its root for Adam (Malladi et al.,
        2022).
        """
        size = min(self.batch_sentences, max(1, sentences // self.minimum_updates))
        share = size / self.batch_sentences
        rate = self.learning_rate * (math.sqrt(share) if self.optimizer == "adam" else share)
        return replace(self, batch_sentences=size, learning_rate=rate)


def read_settings(kind: type[T], values: Mapping[str, Any], where: str) -> T:
    """Build the settings dataclass `kind` from a mapping whose keys are its fields, as YAML or JSON gives it.

    `where` names the mapping in messages. Raises ModelError for an unknown key (with the nearest valid one), a missing
    key and a value of the wrong type; ranges are checked by the dataclass itself.
    """
    hints = get_type_hints(kind)
    known = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]  # kind is a dataclass
    for key in values:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.0)[0]
            raise ModelError(f"{where}: unknown setting {key!r}; did you mean {near!r}?")
    for name, field in known.items():
        if name not in values and field.default is MISSING:
            raise ModelError(f"{where}: the setting {name!r} is missing; known settings: {', '.join(known)}")
    return kind(**{name: _checked(hints[name], value, f"{where}: {name}") for name, value in values.items()})


def _checked(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise ModelError(f"{where} is {value!r}; valid values: {', '.join(map(str, get_args(hint)))}")
        return value
    accepted = (int, float) if hint is float else (hint,)
    if not isinstance(value, accepted) or isinstance(value, bool):
        wanted = {"int": "a whole number", "float": "a number such as 0.001"}[hint.__name__]
        raise ModelError(f"{where} is {value!r}, a {type(value).__name__}; give {wanted}")
    return hint(value)
