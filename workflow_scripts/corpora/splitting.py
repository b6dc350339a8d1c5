"""Divide a corpus into training, development and test documents (paper, section 2.7).

A random split ranks the documents by a hash of the seed and the identifier: it does not depend on the order of the
documents, the platform or the Python version, and the rank of a document stays as it is when others come or go.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from corpora.documents import CorpusError

SPLITS = ("train", "dev", "test")


def rank(seed: int | str, identifier: str) -> int:
    """Place of an identifier in a random order: an integer of 64 bits, the same wherever it is computed."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{identifier}".encode()).digest()[:8], "big")


def assign_splits(
    documents: Sequence[tuple[str, str]], *, policy: str, percent: Mapping[str, int], seed: int
) -> dict[str, str]:
    """The split of every document, by identifier.

    ``documents`` holds (identifier, own split or "") pairs. ``policy`` is "random", which draws the documents, or
    "own", which takes the splits that the corpus states. ``percent`` names the splits in order and what each gets
    of the documents, in percent adding up to 100; "own" ignores the numbers. Sizes of a random split are rounded by
    largest remainder, and none is empty.

    Raises CorpusError for repeated identifiers, for fewer documents than splits, and under "own" for a document
    without a split or a split without documents; ValueError for an unknown policy or percentages that do not add up.
    """
    identifiers = [identifier for identifier, _ in documents]
    if len(set(identifiers)) != len(identifiers):
        twice = min(i for i in identifiers if identifiers.count(i) > 1)
        raise CorpusError("split", None, f"document {twice!r} occurs twice", "give every document its own name")
    if policy == "own":
        return _own(documents, tuple(percent))
    if policy != "random":
        raise ValueError(f"split: unknown policy {policy!r}; use 'random' or 'own'")
    unknown = [name for name in percent if name not in SPLITS]
    if unknown or sum(percent.values()) != 100 or min(percent.values(), default=0) <= 0:
        raise ValueError(
            f"split: {dict(percent)} cannot be used; give whole percentages above 0 of {SPLITS} that add up to 100"
        )
    if len(identifiers) < max(3, len(percent)):
        raise CorpusError(
            "split",
            None,
            f"{len(identifiers)} documents are too few for a random split",
            "use a corpus of at least 3 documents, or state the split yourself",
        )
    ranked = sorted(identifiers, key=lambda identifier: (rank(seed, identifier), identifier))
    assignment = {}
    first = 0
    for name, size in _sizes(len(ranked), percent).items():
        assignment.update(dict.fromkeys(ranked[first : first + size], name))
        first += size
    return assignment


def _own(documents: Sequence[tuple[str, str]], required: tuple[str, ...]) -> dict[str, str]:
    assignment = dict(documents)
    for identifier, split in sorted(assignment.items()):
        if split not in SPLITS:
            raise CorpusError(
                "split",
                None,
                f"document {identifier!r} states no split ({split!r})",
                "use the random split for this corpus, or call folders or files train, dev and test (docs/corpora.md)",
            )
    present = set(assignment.values())
    missing = [name for name in required if name not in present]
    if missing:
        raise CorpusError(
            "split",
            None,
            f"no document belongs to {', '.join(missing)}",
            "use the random split for this corpus, or move documents there",
        )
    return assignment


def _sizes(total: int, percent: Mapping[str, int]) -> dict[str, int]:
    """Documents a split: largest remainder, then one from the largest split to any that would be empty."""
    sizes = {name: total * share // 100 for name, share in percent.items()}
    by_remainder = sorted(percent, key=lambda name: -(total * percent[name] % 100))
    for name in by_remainder[: total - sum(sizes.values())]:
        sizes[name] += 1
    for name in sizes:
        if sizes[name] == 0:
            sizes[max(sizes, key=lambda other: sizes[other])] -= 1
            sizes[name] = 1
    return sizes
