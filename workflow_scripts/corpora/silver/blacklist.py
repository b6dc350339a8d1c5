"""Blacklists: names that the silver-standard corpus marks and gold-standard corpora never do (section 2.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from corpora.documents import CorpusError, Document
from corpora.tokens import sentences


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
