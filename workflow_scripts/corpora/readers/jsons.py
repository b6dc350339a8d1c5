"""JSON of corpora: values of the right type, or one error that names the place."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from corpora.documents import CorpusError
from corpora.readers.standoff import REMEDY, decode

T = TypeVar("T", str, int, list[Any], dict[str, Any])


def load(data: bytes, place: str) -> Any:
    """The value of a JSON file; raises CorpusError for what is no JSON, or is nested too deeply."""
    text = decode(data, place).removeprefix("\ufeff")
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()  # escapes can spell halves of characters
    except json.JSONDecodeError as error:
        raise CorpusError(place, error.lineno, f"is no JSON ({error.msg})", REMEDY) from error
    except UnicodeEncodeError as error:
        raise CorpusError(place, None, "holds half of a character, as \\ud800", REMEDY) from error
    except (ValueError, RecursionError) as error:
        reason = "a number is too long" if isinstance(error, ValueError) else "it is nested too deeply"
        raise CorpusError(place, None, f"is no JSON of a corpus ({reason})", REMEDY) from error
    return value


def field(record: Any, name: str, kind: type[T], place: str, default: T | None = None) -> T:
    """The value of a field, which has the type ``kind``; ``default`` where the field is missing or null.

    Raises CorpusError for another type, and for a missing field without a default.
    """
    value = record.get(name) if isinstance(record, dict) else None
    if value is None and default is not None:
        return default
    if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and abs(value) > 1 << 60):
        problem = f"{name!r} is {repr(value)[:40]}, where {kind.__name__} was due"
        raise CorpusError(place, None, problem, REMEDY)
    return value
