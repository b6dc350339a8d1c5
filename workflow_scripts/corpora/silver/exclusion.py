"""Gold-standard documents among the silver ones, by identifier and by equal text (section 2.3)."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from corpora.archives import members
from corpora.documents import CorpusError, Document
from corpora.readers.standoff import numbered_lines

MINIMUM_PART = 60  # normalised characters from which an equal title or abstract alone shows the same document
MINIMUM_SENTENCE = 40  # and from which a gold text inside a silver one does
_SLOT_BITS = 20
_OTHER_ASCII = bytes(code for code in range(128) if not chr(code).isalnum())

Source = tuple[str, str]


class Exclusion(NamedTuple):
    """Why a silver document goes, "pmid", "pmcid", "text" or "near_duplicate", and the gold document that it holds."""

    reason: str
    corpus: str
    document: str


@dataclass(frozen=True, slots=True)
class GoldDocuments:
    """What the gold corpora of a class are recognised by; each source is a corpus and its document.

    ``mapped`` has the PMIDs that stand for PMCIDs, ``parts`` titles, abstracts and lines, and ``contained`` the gold
    texts of at least MINIMUM_SENTENCE normalised characters by their first ones; ``beginnings`` is true at the slots
    of the first eight.
    """

    pmids: dict[str, Source] = field(default_factory=dict)
    pmcids: dict[str, Source] = field(default_factory=dict)
    mapped: dict[str, Source] = field(default_factory=dict)
    texts: dict[str, Source] = field(default_factory=dict)
    parts: dict[str, Source] = field(default_factory=dict)
    contained: dict[str, list[tuple[str, Source]]] = field(default_factory=dict)
    beginnings: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1 << _SLOT_BITS, np.bool_))


def index_gold(gold: Mapping[str, Iterable[Document]], pmc_ids: Mapping[str, str]) -> GoldDocuments:
    """Index the documents of the gold corpora of a class, by corpus name.

    ``pmc_ids`` gives the PMID for a PMCID, both digits. An id is never compared: it may be a number of another kind.
    """
    index = GoldDocuments()
    for corpus in sorted(gold):
        for document in gold[corpus]:
            source = (corpus, document.id)
            if document.pmid:
                index.pmids.setdefault(document.pmid, source)
            if document.pmcid:
                index.pmcids.setdefault(document.pmcid, source)
                if document.pmcid in pmc_ids:
                    index.mapped.setdefault(pmc_ids[document.pmcid], source)
            whole = normalise(document.text)
            if whole and whole not in index.texts:
                index.texts[whole] = source
                if len(whole) >= MINIMUM_SENTENCE:
                    first = np.frombuffer(whole[:8].encode()[:8], np.uint8)
                    index.beginnings[_slots(first[None])] = True
                    index.contained.setdefault(whole[:MINIMUM_SENTENCE], []).append((whole, source))
            # A full text holds its abstract's title and paragraphs as lines of their own.
            for part in (*_parts(document.text), *_long_enough(document.text.split("\n"))):
                index.parts.setdefault(part, source)
    return index


def find_gold(document: Document, gold: GoldDocuments) -> Exclusion | None:
    """The gold document that a silver document equals, or None.

    Texts are compared by letters and digits alone, without case (``normalise``): the whole; title or abstract alone
    where long enough (MINIMUM_PART), also with single lines of a gold full text; and a gold text anywhere inside the
    silver one (MINIMUM_SENTENCE), for corpora of single sentences.
    """
    if document.pmid and document.pmid in gold.pmids:
        return Exclusion("pmid", *gold.pmids[document.pmid])
    if document.pmcid and document.pmcid in gold.pmcids:
        return Exclusion("pmcid", *gold.pmcids[document.pmcid])
    if document.pmid and document.pmid in gold.mapped:
        return Exclusion("pmcid", *gold.mapped[document.pmid])
    whole = normalise(document.text)
    if whole in gold.texts:
        return Exclusion("text", *gold.texts[whole])
    for part in _parts(document.text):
        if part in gold.parts:
            return Exclusion("text", *gold.parts[part])
    for start in _places(whole, gold):
        for text, source in gold.contained.get(whole[start : start + MINIMUM_SENTENCE], ()):
            if whole.startswith(text, start):
                return Exclusion("text", *source)
    return None


def _places(whole: str, gold: GoldDocuments) -> Iterable[int]:
    """Where a gold text may begin: for texts in ASCII, where the first eight letters of one are likely to stand."""
    if not whole.isascii() or len(whole) < MINIMUM_SENTENCE:
        return range(len(whole) - MINIMUM_SENTENCE + 1)
    windows = np.lib.stride_tricks.sliding_window_view(np.frombuffer(whole.encode(), np.uint8), 8)
    return np.flatnonzero(gold.beginnings[_slots(windows)]).tolist()


def _slots(windows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A place in ``GoldDocuments.beginnings`` for each row of eight bytes."""
    numbers = np.ascontiguousarray(windows).view(np.uint64).reshape(-1)
    return (numbers * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(64 - _SLOT_BITS)


def normalise(text: str) -> str:
    """Letters and digits of the text alone, in Unicode's compatibility form and without case."""
    if text.isascii():  # the same, many times faster
        return text.encode().translate(None, _OTHER_ASCII).decode().lower()
    return "".join(filter(str.isalnum, fold(text)))


def fold(text: str) -> str:
    """The text in Unicode's compatibility form and without case."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _parts(text: str) -> list[str]:
    """Title and abstract, normalised, as far as they are long enough to tell a document."""
    title, _, abstract = text.partition("\n")
    return _long_enough((title, abstract))


def _long_enough(parts: Iterable[str]) -> list[str]:
    return [part for part in map(normalise, parts) if len(part) >= MINIMUM_PART]


def read_pmc_ids(path: Path, wanted: Collection[str]) -> dict[str, str]:
    """PMIDs of the wanted PMCIDs, digits both, from NCBI's PMC-ids.csv, which may be gzipped.

    Raises CorpusError for a file without the columns PMCID and PMID, and one that cannot be read.
    """
    remedy = "get https://ftp.ncbi.nlm.nih.gov/pub/pmc/PMC-ids.csv.gz again"
    found = {}
    try:
        for member in members(path):
            rows = csv.DictReader(line for _, line in numbered_lines(member.open(), member.place))
            if not {"PMCID", "PMID"} <= set(rows.fieldnames or ()):
                raise CorpusError(path, 1, "columns PMCID and PMID are missing", remedy)
            for row in rows:
                pmcid, pmid = (row["PMCID"] or "").removeprefix("PMC"), row["PMID"] or ""
                if pmcid in wanted and pmid.isdecimal() and pmid != "0":
                    found[pmcid] = pmid
    except (OSError, csv.Error) as error:
        raise CorpusError(path, None, f"cannot be read ({error})", remedy) from error
    return found
