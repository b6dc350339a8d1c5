"""The cleaned silver-standard corpus of a class (section 2.3), from the sample and the gold-standard corpora."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from corpora.archives import written_whole
from corpora.brat import read_brat, read_table, write_brat, write_table
from corpora.documents import Document, told
from corpora.silver.blacklist import derive_blacklist, drop_mentions, read_blacklist
from corpora.silver.exclusion import Exclusion, find_gold, index_gold, read_pmc_ids
from corpora.silver.near_duplicates import near_duplicates
from corpora.silver.sampling import PackedDocuments, pack

logger = logging.getLogger(__name__)


class Brat(NamedTuple):
    """A corpus as ``write_brat`` and ``write_table`` leave it: a folder or .zip archive, and its table."""

    documents: Path
    table: Path


def clean(
    silver: Iterable[Document],
    gold: Mapping[str, Brat],
    cleaned: Brat,
    *,
    excluded: Path,
    dropped: Path,
    blacklist: Path | None = None,
    minimum_gold_occurrences: int | None = None,
    pmc_ids: Path | None = None,
) -> Counter[str]:
    """Write the silver corpus of a class, given its sample, without gold documents and blacklisted mentions.

    ``gold`` has the gold corpora of the class by name. The blacklist is that of the file, the derived one where
    ``minimum_gold_occurrences`` is given, or both together. ``excluded`` is a table of the documents left out
    (document, reason, gold_corpus, gold_document) and ``dropped`` one of the blacklist (entry, source, which is
    file, derived or both, mentions_dropped, gold_occurrences of a derived entry). Each file appears whole or not at
    all. Gives and logs the counts: documents, excluded_by_pmid, _pmcid, _text and _near_duplicate, documents_kept,
    mentions (of all documents), mentions_dropped and mentions_kept (of the kept documents).

    Raises CorpusError as the readers of its inputs do.
    """
    tables = {name: read_table(corpus.table) for name, corpus in gold.items()}
    if unnamed := [name for name, rows in tables.items() if not any(row.pmid or row.pmcid for row in rows)]:
        logger.info("%s: no PMIDs, so by their texts alone silver documents are left out", ", ".join(unnamed))
    wanted = {row.pmcid for rows in tables.values() for row in rows} - {""}
    mapping = read_pmc_ids(pmc_ids, wanted) if pmc_ids else {}
    if len(mapping) < len(wanted):
        logger.warning("%d of %d gold PMCIDs have no known PMID", len(wanted) - len(mapping), len(wanted))

    # Read once and looked through four times; packed, all gold text of a class takes some tens of MB.
    of_gold = {corpus: PackedDocuments([*map(pack, read_brat(*gold[corpus]))]) for corpus in gold}
    counts: Counter[str] = Counter()
    exclusions: dict[str, Exclusion] = {}
    names: Counter[str] = Counter()
    packed: dict[str, bytes] = {}  # read once; those that stay take about 1 kB each

    def not_equal() -> Iterator[Document]:
        index = index_gold(of_gold, mapping)
        for document in silver:
            counts["documents"] += 1
            counts["mentions"] += len(document.mentions)
            if exclusion := find_gold(document, index):
                exclusions[document.id] = exclusion
                continue
            packed[document.id] = pack(document)
            names.update(_names(document))
            yield document

    near = near_duplicates(not_equal(), of_gold)
    exclusions |= near
    for document in PackedDocuments([packed.pop(identifier) for identifier in near]):
        names.subtract(_names(document))
    counts.update(f"excluded_by_{exclusion.reason}" for exclusion in exclusions.values())
    listed = read_blacklist(blacklist) if blacklist else frozenset[str]()
    derived: dict[str, int] = {}
    if minimum_gold_occurrences is not None:
        entries = derive_blacklist(+names, chain.from_iterable(of_gold.values()), minimum_gold_occurrences)
        derived = {entry.text: entry.gold_occurrences for entry in entries}
    dropped_names: Counter[str] = Counter()

    def kept() -> Iterator[Document]:
        noise = listed | derived.keys()
        for document in PackedDocuments(list(packed.values())):
            document, own = drop_mentions(document, noise)
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


def _names(document: Document) -> list[str]:
    return [document.text[mention.start : mention.end] for mention in document.mentions]


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        for row in (header, *rows):
            file.write("\t".join(map(str, row)) + "\n")
