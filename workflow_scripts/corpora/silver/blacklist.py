"""Blacklists: names that the silver-standard corpus marks and gold-standard corpora never do (section 2.3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from corpora.documents import CorpusError, Document
from corpora.tokens import pieces, sentences


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
    runs: Counter[str] = Counter()
    for document in gold:
        marked.update(document.text[mention.start : mention.end].strip().lower() for mention in document.mentions)
        _count_outside(document, words, runs)
    # Few runs are new in a large corpus: each is cut into tokens once, however often it stands there.
    for run, count in runs.items():
        for start, end in pieces(run):
            words[run[start:end]] += count
    silver: Counter[str] = Counter()
    occurrences: Counter[str] = Counter()
    for name, count in silver_mentions.items():
        if words[name] and name.lower() not in marked:
            silver[name.lower()] += count
            occurrences[name.lower()] += words[name]
    entries = [BlacklistEntry(name, silver[name], occurrences[name]) for name in silver]
    kept = [entry for entry in entries if entry.gold_occurrences >= minimum_gold_occurrences]
    return sorted(kept, key=lambda entry: (-entry.silver_mentions, entry.text))


def _count_outside(document: Document, words: Counter[str], runs: Counter[str]) -> None:
    """Count what a document holds outside its mentions.

    Runs of characters without whitespace go to ``runs`` as they are; those that a mention touches go to ``words``, by
    token, without the tokens that share a character with a mention.
    """
    text = document.text
    done = 0  # the end of the text, or before whitespace
    inside = {place for mention in document.mentions for place in range(mention.start, mention.end)}
    for mention in sorted(document.mentions, key=lambda mention: mention.start):
        if mention.end <= done:
            continue
        first, last = max(mention.start, done), mention.end
        while first > done and not text[first - 1].isspace():
            first -= 1
        while last < len(text) and not text[last].isspace():
            last += 1
        runs.update(text[done:first].split())
        for sentence in sentences(text[first:last]):
            words.update(
                text[first + start : first + end]
                for start, end in sentence
                if inside.isdisjoint(range(first + start, first + end))
            )
        done = last
    runs.update(text[done:].split())


def read_blacklist(path: Path) -> frozenset[str]:
    """Entries of a blacklist, one a line, stripped and lower-cased; CorpusError for none, or lines that are no text."""
    entries = set()
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            entry = line.decode("utf-8-sig" if number == 1 else "utf-8").strip().lower()
        except UnicodeDecodeError as error:
            raise CorpusError(path, number, f"not UTF-8 ({error.reason})", "save the list as UTF-8") from error
        if "\t" in entry or "\0" in entry:
            raise CorpusError(path, number, f"{entry[:80]!r} holds a tab or NUL", "give one name a line and no more")
        entries.add(entry)
    entries.discard("")
    if not entries:
        raise CorpusError(path, None, "holds no entries", "fetch it again, or give null in its place")
    return frozenset(entries)


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
