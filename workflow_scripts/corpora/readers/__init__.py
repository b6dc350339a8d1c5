"""Readers of native formats: each gives the documents of a source with all their labels, one at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from corpora.documents import Document
from corpora.readers import (
    azdc,
    bc2gm,
    bioc,
    bioinfer,
    biosemantics,
    brat,
    chemdner,
    conll,
    iexml,
    mmax,
    ppi_xml,
    pubannotation,
    pubtator,
    tables,
    tagtog,
)

Reader: TypeAlias = Callable[[Path, Sequence[str]], Iterator[Document]]

READERS: Mapping[str, Reader] = {
    "azdc": azdc.read,
    "bc2gm": bc2gm.read,
    "bioc": bioc.read,
    "bioinfer": bioinfer.read,
    "biosemantics": biosemantics.read,
    "brat": brat.read,
    "chemdner": chemdner.read,
    "conll": conll.read,
    "deca": tables.read_deca,
    "iexml": iexml.read,
    "linnaeus": tables.read_linnaeus,
    "mirna": ppi_xml.read_mirna,
    "mmax": mmax.read,
    "ppi_xml": ppi_xml.read,
    "pubannotation": pubannotation.read,
    "pubtator": pubtator.read,
    "s800": tables.read_s800,
    "tagtog": tagtog.read,
    "variome": bioc.read_variome,
}
