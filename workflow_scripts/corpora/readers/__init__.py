"""Readers of native formats: each gives the documents of a source with all their labels, one at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias

from corpora.documents import Document

Reader: TypeAlias = Callable[..., Iterator[Document]]  # of a source and of shell patterns for its members

# Format: module here, and its function. A reader is imported when it reads, so that another one's code is no concern.
PLACES: Mapping[str, tuple[str, str]] = {
    "azdc": ("azdc", "read"),
    "bc2gm": ("bc2gm", "read"),
    "bioc": ("bioc", "read"),
    "bioinfer": ("bioinfer", "read"),
    "biosemantics": ("biosemantics", "read"),
    "brat": ("brat", "read"),
    "chemdner": ("chemdner", "read"),
    "conll": ("conll", "read"),
    "deca": ("tables", "read_deca"),
    "iexml": ("iexml", "read"),
    "linnaeus": ("tables", "read_linnaeus"),
    "mirna": ("ppi_xml", "read_mirna"),
    "mmax": ("mmax", "read"),
    "ppi_xml": ("ppi_xml", "read"),
    "pubannotation": ("pubannotation", "read"),
    "pubtator": ("pubtator", "read"),
    "s800": ("tables", "read_s800"),
    "tagtog": ("tagtog", "read"),
    "variome": ("bioc", "read_variome"),
}


def _reader(module: str, function: str) -> Reader:
    def read(native: Path, members: Sequence[str], **options: Any) -> Iterator[Document]:
        found: Reader = getattr(import_module(f"corpora.readers.{module}"), function)
        return found(native, members, **options)

    return read


READERS: Mapping[str, Reader] = {name: _reader(*place) for name, place in PLACES.items()}
