"""The silver-standard corpus of a class: a random sample without gold documents and noisy mentions (section 2.3).

The sample takes the documents of smallest hash rank, so one pass in constant memory draws it, and the same documents
come whatever their order. A silver document goes where a gold corpus of the class holds the same text, known by PubMed
identifier, PubMed Central identifier, or the text itself; a mention goes where a blacklist names it.
"""

from __future__ import annotations

import csv
import gzip
import heapq
import io
import json
import logging
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from corpora.archives import written_whole
from corpora.brat import read_brat, read_table, write_brat, write_table
from corpora.documents import CorpusError, Document, Mention, told
from corpora.splitting import rank
from corpora.tokens import sentences

logger = logging.getLogger(__name__)

MINIMUM_PART = 60  # normalised characters from which an equal title or abstract alone shows the same document
MINIMUM_SENTENCE = 40  # and from which a gold text inside a silver one does

Source = tuple[str, str]


class PackedDocuments(Iterable[Document]):
    """Documents of one class, ordered by id, kept as compressed bytes."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        self._packed = [packed[identifier] for identifier in sorted(packed, key=_by_number)]

    def __len__(self) -> int:
        return len(self._packed)

    def __iter__(self) -> Iterator[Document]:
        return map(_unpack, self._packed)


def sample(
    documents: Iterable[Document], per_class: int, seed: int, entities: Sequence[str]
) -> dict[str, PackedDocuments]:
    """For each class ``per_class`` random documents with the mentions of that class alone, from one pass.

    A class takes the documents with the smallest ``rank(f"{seed}:{entity}", id)``, whether they have mentions of it or
    not. Of documents with the same id the first counts. Raises ValueError unless ``per_class`` is at least 1.
    """
    if per_class < 1:
        raise ValueError(f"documents: {per_class} cannot be drawn; ask for at least 1")
    heaps: dict[str, list[tuple[int, str, bytes]]] = {entity: [] for entity in entities}
    seen: set[str] = set()
    repeated = 0
    for document in documents:
        if document.id in seen:
            repeated += 1
            continue
        seen.add(document.id)
        for entity, heap in heaps.items():
            place = -rank(f"{seed}:{entity}", document.id)  # the heap's first is the one to go
            if len(heap) < per_class:
                heapq.heappush(heap, (place, document.id, _pack(document, entity)))
            elif place > heap[0][0]:
                heapq.heapreplace(heap, (place, document.id, _pack(document, entity)))
    if repeated:
        logger.warning("silver corpus: %d documents repeat the id of an earlier one and are left out", repeated)
    if len(seen) < per_class:
        logger.warning("silver corpus: %d documents asked for a class, only %d there", per_class, len(seen))
    return {
        entity: PackedDocuments({identifier: packed for _, identifier, packed in heap})
        for entity, heap in heaps.items()
    }


def _by_number(identifier: str) -> tuple[int, str]:
    """PubMed identifiers in the order of their numbers, before all other names."""
    return (int(identifier), identifier) if re.fullmatch("[0-9]{1,18}", identifier) else (10**18, identifier)


def _pack(document: Document, entity: str) -> bytes:
    mentions = [mention.spans for mention in document.mentions if mention.label == entity]
    fields = [document.id, document.text, entity, mentions, document.pmid, document.pmcid, document.split]
    return zlib.compress(json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode(), level=1)


def _unpack(packed: bytes) -> Document:
    identifier, text, entity, mentions, pmid, pmcid, split = json.loads(zlib.decompress(packed))
    spans = (tuple((start, end) for start, end in mention) for mention in mentions)
    return Document(identifier, text, tuple(Mention(entity, s) for s in spans), pmid, pmcid, split)


class Exclusion(NamedTuple):
    """Why a silver document goes: "pmid", "pmcid" or "text", and the gold document that it equals."""

    reason: str
    corpus: str
    document: str


@dataclass(frozen=True, slots=True)
class GoldDocuments:
    """What the gold corpora of a class are recognised by; each source is a corpus and its document.

    ``mapped`` has the PMIDs that stand for PMCIDs, ``parts`` titles, abstracts and lines, and ``contained`` the gold
    texts of at least MINIMUM_SENTENCE normalised characters by their first ones.
    """

    pmids: dict[str, Source] = field(default_factory=dict)
    pmcids: dict[str, Source] = field(default_factory=dict)
    mapped: dict[str, Source] = field(default_factory=dict)
    texts: dict[str, Source] = field(default_factory=dict)
    parts: dict[str, Source] = field(default_factory=dict)
    contained: dict[str, list[tuple[str, Source]]] = field(default_factory=dict)


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
    for start in range(len(whole) - MINIMUM_SENTENCE + 1):
        for text, source in gold.contained.get(whole[start : start + MINIMUM_SENTENCE], ()):
            if whole.startswith(text, start):
                return Exclusion("text", *source)
    return None


def exclude(
    documents: Iterable[Document], gold: Mapping[str, Iterable[Document]], pmc_ids: Mapping[str, str]
) -> Iterator[tuple[Document, Exclusion | None]]:
    """Each silver document of a class with the gold document for which it goes, if any."""
    index = index_gold(gold, pmc_ids)
    for document in documents:
        yield document, find_gold(document, index)


def normalise(text: str) -> str:
    """Letters and digits of the text alone, in Unicode's compatibility form and without case."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return "".join(filter(str.isalnum, folded))


def _parts(text: str) -> list[str]:
    """Title and abstract, normalised, as far as they are long enough to tell a document."""
    title, _, abstract = text.partition("\n")
    return _long_enough((title, abstract))


def _long_enough(parts: Iterable[str]) -> list[str]:
    return [part for part in map(normalise, parts) if len(part) >= MINIMUM_PART]


def read_pmc_ids(path: Path, wanted: Collection[str]) -> dict[str, str]:
    """PMIDs of the wanted PMCIDs, digits both, from NCBI's PMC-ids.csv, which may be gzipped.

    Raises CorpusError for a file without the columns PMCID and PMID, and one that cannot be decompressed or decoded.
    """
    remedy = "get https://ftp.ncbi.nlm.nih.gov/pub/pmc/PMC-ids.csv.gz again"
    found = {}
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as binary:
            rows = csv.DictReader(io.TextIOWrapper(cast(BinaryIO, binary), encoding="utf-8", newline=""))
            if not {"PMCID", "PMID"} <= set(rows.fieldnames or ()):
                raise CorpusError(path, 1, "columns PMCID and PMID are missing", remedy)
            for row in rows:
                pmcid, pmid = (row["PMCID"] or "").removeprefix("PMC"), row["PMID"] or ""
                if pmcid in wanted and pmid.isdecimal() and pmid != "0":
                    found[pmcid] = pmid
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(path, None, f"cannot be read ({error})", remedy) from error
    return found


class BlacklistEntry(NamedTuple):
    """A lower-cased name, the silver mentions that read so, and how often gold corpora hold it outside mentions."""

    text: str
    silver_mentions: int
    gold_occurrences: int


def derive_blacklist(
    silver_mentions: Mapping[str, int], gold: Iterable[Document], minimum_gold_occurrences: int = 20
) -> list[BlacklistEntry]:
    """Names that the silver corpus marks and the gold corpora of the class hold as a word but never mark.

    ``silver_mentions`` counts the texts of silver mentions. As the authors built their lists, a name is compared
    exactly, case included, with the tokens of the gold corpora, and lower-cased then. They edited theirs by hand; in
    place of that, a name stays out if a gold mention reads so in any case, since mentions are dropped whatever their
    case ("no" and NO), and it needs ``minimum_gold_occurrences`` tokens outside gold mentions, all its spellings
    together, since what gold corpora leave out now and then may be a name that they missed. Ordered by silver
    mentions, most frequent first.
    """
    marked: set[str] = set()
    words: Counter[str] = Counter()
    for document in gold:
        inside: set[int] = set()
        for mention in document.mentions:
            marked.add(document.text[mention.start : mention.end].strip().lower())
            inside.update(range(mention.start, mention.end))
        for sentence in sentences(document.text):
            words.update(document.text[a:b] for a, b in sentence if inside.isdisjoint(range(a, b)))
    silver: Counter[str] = Counter()
    occurrences: Counter[str] = Counter()
    for name, count in silver_mentions.items():
        if words[name] and name.lower() not in marked:
            silver[name.lower()] += count
            occurrences[name.lower()] += words[name]
    entries = [BlacklistEntry(name, silver[name], occurrences[name]) for name in silver]
    kept = [entry for entry in entries if entry.gold_occurrences >= minimum_gold_occurrences]
    return sorted(kept, key=lambda entry: (-entry.silver_mentions, entry.text))


def read_blacklist(path: Path) -> frozenset[str]:
    """Entries of a blacklist, one a line, stripped and lower-cased; raises CorpusError for lines that are no text."""
    entries = set()
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            entry = line.decode("utf-8-sig" if number == 1 else "utf-8").strip().lower()
        except UnicodeDecodeError as error:
            raise CorpusError(path, number, f"not UTF-8 ({error.reason})", "save the list as UTF-8") from error
        if "\t" in entry or "\0" in entry:
            raise CorpusError(path, number, f"{entry[:80]!r} holds a tab or NUL", "give one name a line and no more")
        entries.add(entry)
    return frozenset(entries - {""})


def drop_mentions(document: Document, blacklist: frozenset[str]) -> tuple[Document, Counter[str]]:
    """The document without the mentions whose stripped, lower-cased text is in the blacklist, and their counts."""
    kept = []
    dropped: Counter[str] = Counter()
    for mention in document.mentions:
        name = document.text[mention.start : mention.end].strip().lower()
        if name in blacklist:
            dropped[name] += 1
        else:
            kept.append(mention)
    return replace(document, mentions=tuple(kept)), dropped


class Brat(NamedTuple):
    """A corpus as ``write_brat`` and ``write_table`` leave it: a folder or .zip archive, and its table."""

    documents: Path
    table: Path


def clean(
    silver: Brat,
    gold: Mapping[str, Brat],
    cleaned: Brat,
    *,
    excluded: Path,
    dropped: Path,
    blacklist: Path | None = None,
    minimum_gold_occurrences: int | None = None,
    pmc_ids: Path | None = None,
) -> Counter[str]:
    """Write the silver corpus of a class without gold documents and blacklisted mentions.

    ``gold`` has the gold corpora of the class by name. The blacklist is that of the file, the derived one where
    ``minimum_gold_occurrences`` is given, or both together. ``excluded`` is a table of the documents left out
    (document, reason, gold_corpus, gold_document) and ``dropped`` one of the blacklist (entry, source, which is
    file, derived or both, mentions_dropped, gold_occurrences of a derived entry). Each file appears whole or not at
    all. Gives and logs the counts: documents, excluded_by_pmid, _pmcid and _text, documents_kept, mentions (of all
    documents), mentions_dropped and mentions_kept (of the kept documents).

    Raises CorpusError as the readers of its inputs do.
    """
    wanted = {row.pmcid for corpus in gold.values() for row in read_table(corpus.table)} - {""}
    mapping = read_pmc_ids(pmc_ids, wanted) if pmc_ids else {}
    if len(mapping) < len(wanted):
        logger.warning("%d of %d gold PMCIDs have no known PMID", len(wanted) - len(mapping), len(wanted))
    counts: Counter[str] = Counter()
    exclusions: dict[str, Exclusion] = {}
    names: Counter[str] = Counter()
    for document, exclusion in exclude(read_brat(*silver), {c: read_brat(*gold[c]) for c in gold}, mapping):
        counts["documents"] += 1
        counts["mentions"] += len(document.mentions)
        if exclusion:
            exclusions[document.id] = exclusion
            counts[f"excluded_by_{exclusion.reason}"] += 1
        else:
            names.update(document.text[mention.start : mention.end] for mention in document.mentions)
    listed = read_blacklist(blacklist) if blacklist else frozenset[str]()
    derived: dict[str, int] = {}
    if minimum_gold_occurrences is not None:
        everything = chain.from_iterable(read_brat(*gold[corpus]) for corpus in sorted(gold))
        entries = derive_blacklist(names, everything, minimum_gold_occurrences)
        derived = {entry.text: entry.gold_occurrences for entry in entries}
    dropped_names: Counter[str] = Counter()

    def kept() -> Iterator[Document]:
        for document in read_brat(*silver):
            if document.id not in exclusions:
                document, own = drop_mentions(document, listed | derived.keys())
                dropped_names.update(own)
                yield document

    rows = write_brat(kept(), cleaned.documents)
    write_table(cleaned.table, rows)
    _write_rows(
        excluded, ("document", "reason", "gold_corpus", "gold_document"), [(i, *e) for i, e in exclusions.items()]
    )
    source = dict.fromkeys(listed, "file") | {name: "both" if name in listed else "derived" for name in derived}
    lines = [(name, source[name], dropped_names[name], derived.get(name, "")) for name in sorted(source)]
    _write_rows(dropped, ("entry", "source", "mentions_dropped", "gold_occurrences"), lines)
    counts["documents_kept"] = len(rows)
    counts["mentions_dropped"] = dropped_names.total()
    counts["mentions_kept"] = sum(row.mentions for row in rows)
    logger.info("%s: %s", cleaned.documents, told(counts))
    return counts


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for row in (header, *rows):
            file.write("\t".join(map(str, row)) + "\n")
