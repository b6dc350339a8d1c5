"""From a corpus as fetched to the project's own Brat form, one class of names at a time."""

from __future__ import annotations

import difflib
import logging
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from corpora.brat import write_brat, write_table
from corpora.documents import CorpusError, Document, Mention, told
from corpora.policies import COMPOSITE, DISCONTINUOUS, OVERLAPPING, in_order
from corpora.readers import PLACES

logger = logging.getLogger(__name__)

T = TypeVar("T")
Reader: TypeAlias = Callable[..., Iterator[Document]]  # of a source and of shell patterns for its members


def _reader(module: str, function: str) -> Reader:
    def read(native: Path, members: Sequence[str], **options: Any) -> Iterator[Document]:
        found: Reader = getattr(import_module(f"corpora.readers.{module}"), function)
        return found(native, members, **options)

    return read


# By format. A reader is imported when it reads, so that another one's code is no concern.
READERS: Mapping[str, Reader] = {name: _reader(*place) for name, place in PLACES.items()}


@dataclass(frozen=True)
class CorpusSpec:
    """How a corpus is to be read: one entry of the configuration's registry.

    ``format`` and the three policies are names of readers and of policies; ``members`` are shell patterns for
    the files in an archive. ``pmid`` and ``pmcid`` are regular expressions for the whole document id, whose first
    group is the identifier; without them the reader's own are taken.
    """

    format: str
    members: tuple[str, ...] = ("*",)
    pmid: str | None = None
    pmcid: str | None = None
    discontinuous: str = "hull"
    overlapping: str = "keep"
    composite: str = "keep"

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> CorpusSpec:
        """From the settings of a registry entry, whose lists become tuples."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in settings.items()}
        return cls(**values)


def read_documents(
    native: Path,
    spec: CorpusSpec,
    labels: Mapping[str, str],
    counts: Counter[str] | None = None,
    share: tuple[int, int] | None = None,
) -> Iterator[Document]:
    """Documents with flat mentions of our classes; ``labels`` says which label of the source is which class.

    Mentions with other labels are dropped, then the policies for composite, discontinuous and overlapping mentions
    are applied, in this order. To ``counts`` are added documents, mentions, the mentions lost to each step, and
    under "label:" and its name how often each label of the source occurs. With ``share`` (i, n), documents i,
    i + n, i + 2n and so on, where the reader knows shares.

    Raises CorpusError for what the reader cannot read, and an unknown name in ``spec``.
    """
    read = _named(READERS, spec.format, "format", native)
    policies = {
        "composite": _named(COMPOSITE, spec.composite, "composite", native),
        "discontinuous": _named(DISCONTINUOUS, spec.discontinuous, "discontinuous", native),
        "overlapping": _named(OVERLAPPING, spec.overlapping, "overlapping", native),
    }
    counts = Counter() if counts is None else counts
    unmatched = {name for name in ("pmid", "pmcid") if getattr(spec, name) is not None}
    seen: Counter[str] = Counter()
    for document in read(native, spec.members, **({} if share is None else {"share": share})):
        for mention in document.mentions:
            seen[mention.label] += 1
        ours = (mention for mention in document.mentions if mention.label in labels)
        mentions = in_order(Mention(labels[m.label], m.spans, m.composite) for m in ours)
        counts["other_labels"] += len(document.mentions) - len(mentions)
        for name, policy in policies.items():
            before = len(mentions)
            mentions = policy(mentions)
            counts[name] += before - len(mentions)
        counts["documents"] += 1
        counts["mentions"] += len(mentions)
        pmid = _identifier(spec.pmid, "pmid", document, native)
        pmcid = _identifier(spec.pmcid, "pmcid", document, native)
        unmatched -= {name for name, value in (("pmid", pmid), ("pmcid", pmcid)) if value}
        yield replace(document, mentions=mentions, pmid=pmid, pmcid=pmcid)
    counts.update({f"label:{label}": count for label, count in seen.items()})
    for name in sorted(unmatched):
        logger.warning("%s: `%s` (%s) fits no document's id", native, name, getattr(spec, name))


def _named(choices: Mapping[str, T], name: str, setting: str, native: Path) -> T:
    if name not in choices:
        problem = f"{setting} {name!r} is unknown"
        raise CorpusError(native, None, problem, _suggestion(name, choices))
    return choices[name]


def _suggestion(name: str, choices: Iterable[str]) -> str:
    names = sorted(choices)
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.0)
    return f"did you mean {near[0]!r}, of {', '.join(names)}?" if near else "there is none to choose from"


def _identifier(pattern: str | None, name: str, document: Document, native: Path) -> str:
    if pattern is None:
        return str(getattr(document, name)).lstrip("0")
    try:
        match = re.fullmatch(pattern, document.id)
        group = (match[1] or "") if match else ""
    except (re.error, IndexError) as error:
        problem = f"`{name}` {pattern!r} is no regular expression with a group ({error})"
        raise CorpusError(native, None, problem, "correct it in the configuration") from error
    if group and not (group.isascii() and group.isdigit()):
        problem = f"`{name}` {pattern!r} takes {group!r} out of document id {document.id!r}"
        raise CorpusError(native, None, problem, "its first group must be the digits of the identifier")
    return group.lstrip("0")


def convert(
    native: Path, spec: CorpusSpec, entity: str, labels: Sequence[str], *, folder: Path, table: Path
) -> Counter[str]:
    """Write the mentions whose label is one of ``labels`` as class ``entity``: Brat to ``folder``, and its table.

    Gives and logs the counts of ``read_documents``. Raises CorpusError as that does, and where none of the
    labels ever occurs; then nothing is written.
    """
    counts: Counter[str] = Counter()

    def documents() -> Iterator[Document]:
        yield from read_documents(native, spec, dict.fromkeys(labels, entity), counts)
        seen = [name.removeprefix("label:") for name in counts if name.startswith("label:")]
        absent = [label for label in labels if label not in seen]
        if absent == list(labels):
            raise CorpusError(native, None, f"label {absent[0]!r} occurs nowhere in it", _suggestion(absent[0], seen))
        if absent:
            logger.warning("%s: of the labels of %s, %s occur nowhere in it", native, entity, ", ".join(absent))

    rows = write_brat(documents(), folder)
    write_table(table, rows)
    kept, lost = (
        told(Counter({name: counts[name] for name in names}))
        for names in (("documents", "mentions"), ("other_labels", "composite", "discontinuous", "overlapping"))
    )
    found = ", ".join(f"{name.removeprefix('label:')} {counts[name]:,}" for name in counts if name.startswith("label:"))
    logger.info("%s: %s; left out: %s; labels of the source: %s", folder, kept, lost or "none", found or "none")
    return counts


def labels_seen(native: Path, spec: CorpusSpec) -> Counter[str]:
    """How often each label occurs in the source, before any policy."""
    read = _named(READERS, spec.format, "format", native)
    return Counter(m.label for document in read(native, spec.members) for m in document.mentions)
