"""Settings that users write, checked before any work starts, and the error this package raises for bad input."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

T = TypeVar("T")


class ModelError(ValueError):
    """Input that the model cannot use; the message names the place, the value and the remedy."""


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
