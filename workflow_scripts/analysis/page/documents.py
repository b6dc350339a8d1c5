"""Test documents for the report's browser: the paragraphs that hold mentions, as compact JSON."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from analysis.mentions import Mention, read_tagged
from analysis.page.places import Kind, Place, Span, places

WHOLE = 4000
"""Characters up to which a document is shown whole where one of its paragraphs is; of a longer one, paragraphs."""

_FAULTS = (OSError, EOFError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error)  # of a text


@dataclass(frozen=True)
class DataSet:
    """A data set to be browsed; a regime that the study does not have is None."""

    entity: str
    corpus: str
    baseline: Path | None  # predictions.tsv
    transfer: Path | None
    texts: Path  # the folder, or zip archive, of the documents' .txt files


@dataclass(frozen=True)
class Browsable:
    """What the page embeds of a data set, and its counts.

    ``errors`` has for each regime the number of places by kind, and for "transfer" also "fixed" (wrong with the
    baseline, right with transfer) and "broken" (the reverse).
    """

    data: dict[str, Any]
    documents: int
    shown: int
    errors: dict[str, dict[str, int]]


def browse(data_set: DataSet) -> Browsable:
    """Read a data set's predictions and texts.

    The JSON: ``documents`` are names; ``units`` are [document, paragraphs of the document, [paragraph, ...]], a unit
    being what is shown together, and a paragraph [its number, text, [place, ...]]. A place where all layers agree is
    [start, end]; any other is [kind of baseline * 8 + kind of transfer, gold, baseline, transfer] with each layer's
    offsets in one flat list. Offsets count UTF-16 units from the paragraph's start, as JavaScript does.

    Raises ValueError for predictions that differ in their gold mentions or do not fit the texts.
    """
    files = {name: getattr(data_set, name) for name in ("baseline", "transfer")}
    read = {name: read_tagged(path, 2) for name, path in files.items() if path is not None}
    any_path = data_set.transfer or data_set.baseline
    first = next(iter(read.values()))
    for name, other in read.items():
        if (other.documents, other.gold) != (first.documents, first.gold):
            problem = "its gold mentions are not those of the other regime's predictions"
            raise ValueError(f"{files[name]}: {problem}; run both taggers again")
    gold = _by_document(first.gold)
    predicted = {name: _by_document(tagged.predicted) for name, tagged in read.items()}
    errors = {name: dict.fromkeys(("missed", "spurious", "boundary"), 0) for name in read}
    if len(read) == 2:
        errors["transfer"] |= {"fixed": 0, "broken": 0}
    names: list[str] = []
    units: list[list[Any]] = []
    with _texts(data_set.texts) as text_of:
        for document in first.documents:
            own = gold.get(document, [])
            # A regime that is not there agrees with gold, so that no error is laid to it.
            layers = [predicted[name].get(document, []) if name in predicted else own for name in files]
            found = places(own, *layers)
            _count(found, errors)
            if not found:
                continue
            text = text_of(document)
            if found[0].start < 0 or found[-1].end > len(text):
                problem = f"document {document!r} has mentions outside its text of {len(text)} characters"
                raise ValueError(f"{any_path}: {problem}; run the tagger again on this corpus")
            paragraphs, count = _paragraphs(text, found)
            together = sum(len(paragraph[1]) for paragraph in paragraphs) <= WHOLE
            for part in [paragraphs] if together else [[paragraph] for paragraph in paragraphs]:
                units.append([len(names), count, part])
            names.append(document)
    data = {"layers": list(read), "documents": names, "units": units}
    return Browsable(data, len(first.documents), len(names), errors)


def _by_document(mentions: Iterable[Mention]) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = {}
    for document, start, end in mentions:
        found.setdefault(document, []).append((start, end))
    return found


def _count(found: Sequence[Place], errors: dict[str, dict[str, int]]) -> None:
    for place in found:
        kinds = {name: place.kind(getattr(place, name)) for name in errors}
        for name, kind in kinds.items():
            for part in kind.name.lower().split("_and_") if kind is not Kind.CORRECT else ():
                errors[name][part] += 1
        right = [kinds[name] is Kind.CORRECT for name in kinds]
        if right == [False, True]:
            errors["transfer"]["fixed"] += 1
        elif right == [True, False]:
            errors["transfer"]["broken"] += 1


def _paragraphs(text: str, found: Sequence[Place]) -> tuple[list[list[Any]], int]:
    """The paragraphs that hold a place, and the number of all that are not blank.

    A paragraph is a line of the text; lines stay together where a place runs over their border.
    """
    kept: list[list[Any]] = []
    number = at = position = 0
    while at < len(text):
        end = _line_end(text, at)
        own: list[Place] = []
        while position < len(found) and found[position].start < end:
            own.append(found[position])
            end = max(end, _line_end(text, own[-1].end))
            position += 1
        if own:
            kept.append([number, text[at:end], [_place(place, text, at) for place in own]])
        number += bool(text[at:end].strip())
        at = end + 1
    return kept, number


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _place(place: Place, text: str, base: int) -> list[Any]:
    def units(offset: int) -> int:
        return offset - base + sum(character > "\uffff" for character in text[base:offset])

    def flat(spans: tuple[Span, ...]) -> list[int]:
        return [units(offset) for span in spans for offset in span]

    if place.gold == place.baseline == place.transfer and len(place.gold) == 1:
        return flat(place.gold)
    code = place.kind(place.baseline) * 8 + place.kind(place.transfer)
    return [code, flat(place.gold), flat(place.baseline), flat(place.transfer)]


@contextmanager
def _texts(source: Path) -> Iterator[Callable[[str], str]]:
    with ExitStack() as stack:
        try:
            archive = None if source.is_dir() else stack.enter_context(zipfile.ZipFile(source))
        except zipfile.BadZipFile as error:
            raise ValueError(f"{source}: cannot be read ({error}); convert the corpus again") from error

        def text(document: str) -> str:
            name = f"{document}.txt"
            try:
                if Path(name).name != name:
                    raise OSError("it leaves the folder")
                raw = archive.read(name) if archive else (source / name).read_bytes()
                return raw.decode()
            except _FAULTS as error:
                raise ValueError(f"{source}/{name}: cannot be read ({error}); convert the corpus again") from error

        yield text
