"""What a corpus holds, said before anything is trained on it: read, split and tokenised as the workflow would."""

from __future__ import annotations

import difflib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from corpora.brat import check_id
from corpora.conll import tag_sentences
from corpora.convert import READERS, CorpusSpec, read_documents
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import collected_offset_errors
from corpora.silver.exclusion import normalise
from corpora.splitting import assign_splits
from corpora.tokens import sentences
from printable import printable

SHOWN = 20  # of errors, warnings and names of documents

_TOKENISED = {
    "widened_mentions": "widened to the borders of their tokens",
    "cut_mentions": "cut in two at a line break",
    "shortened_mentions": "shortened by tokens that an earlier mention holds",
    "lost_mentions": "without a token of their own",
    "joined_sentences": "sentence ends inside of a mention, taken back",
}
_POLICIES = ("composite", "discontinuous", "overlapping")


@dataclass
class Report:
    """Lines to be printed; ``errors`` stop the workflow, ``warnings`` are what the readers logged and what is odd."""

    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The whole report."""
        parts = [*self.lines]
        for name, messages in (("Warnings", self.warnings), ("Errors", self.errors)):
            if messages:
                parts += ["", f"{name} ({len(messages)})", *(f"  {message}" for message in messages[:SHOWN])]
                parts += [f"  and {len(messages) - SHOWN:,} more"] * (len(messages) > SHOWN)
        return "\n".join(parts) + "\n"


def check_corpus(
    native: Path,
    spec: CorpusSpec,
    entities: Mapping[str, Sequence[str]],
    *,
    policy: str,
    percent: Mapping[str, int],
    seed: int,
) -> Report:
    """Read a corpus and report on it; ``entities`` maps our classes to the corpus's labels.

    ``policy``, ``percent`` and ``seed`` are those of ``assign_splits``. All spans outside of their text are named, of
    other errors the first, since nothing can be read behind it. Raises nothing for a corpus that cannot be used: the
    report's ``errors`` say so.
    """
    report = Report()
    with _logged(report.warnings):
        _read(native, spec, entities, report)
        if not report.errors:
            _split(native, spec, entities, report, policy, percent, seed)
    return report


@contextmanager
def _logged(messages: list[str]) -> Iterator[None]:
    """Adds what the library logs as a warning to ``messages``, each once."""

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if (message := record.getMessage()) not in messages:
                messages.append(message)

    logger, handler = logging.getLogger("corpora"), Handler(logging.WARNING)
    before = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = before


def _read(native: Path, spec: CorpusSpec, entities: Mapping[str, Sequence[str]], report: Report) -> None:
    """The documents as the source has them, all labels."""
    labels: Counter[str] = Counter()
    by_class = {entity: Counter[str]() for entity in entities}
    names: Counter[str] = Counter()
    empty: list[str] = []
    with collected_offset_errors() as outside:
        try:
            for document in READERS[spec.format](native, spec.members):
                names[document.id] += 1
                if names[document.id] == 1:
                    check_id(document.id, native)
                if not document.text.strip():
                    empty.append(document.id)
                labels.update(mention.label for mention in document.mentions)
                for entity, counts in by_class.items():
                    counts.update(_shapes(m for m in document.mentions if m.label in entities[entity]))
        except CorpusError as error:
            report.errors.append(str(error))
    ended = bool(report.errors)
    if outside:  # what stands in for these spans has no text of its own
        report.errors[:0] = map(str, outside)
        report.warnings[:] = [message for message in report.warnings if "text column" not in message]
    twice = [name for name, times in names.items() if times > 1]
    report.errors += [f"{native}: document {name!r} comes {names[name]} times; give each its own id" for name in twice]
    report.lines += [
        f"Documents: {len(names):,}{' up to the error that ends the reading' * ended}",
        *_some("without text", empty),
        "",
        "Labels",
    ]
    mapped: dict[str, list[str]] = {}
    for entity, wished in entities.items():
        for label in wished:
            mapped.setdefault(label, []).append(entity)
    for label, count in labels.most_common():
        report.lines.append(f"  {printable(label)} {count:,} -> {', '.join(mapped.get(label, ['not mapped']))}")
    report.lines += ["  none"] * (not labels)
    for label, classes in mapped.items() if not ended else ():
        if label not in labels:
            near = difflib.get_close_matches(label, labels, n=1, cutoff=0.0)
            remedy = f"did you mean {near[0]!r}?" if near else "the corpus has no labels at all"
            place = f"{native}: label {label!r} of {', '.join(classes)}"
            report.errors.append(f"{place} occurs nowhere in it; {remedy}")
    for entity, shapes in by_class.items() if not outside else ():
        report.lines += ["", f"{entity}: {shapes['mentions']:,} mentions"]
        report.lines += [f"  {count:,} {name}" for name, count in shapes.items() if name != "mentions" and count]


def _some(what: str, names: Sequence[str]) -> list[str]:
    more = ", ..." if len(names) > 3 else ""
    return [f"  {len(names):,} {what} ({', '.join(names[:3])}{more})"] if names else []


def _shapes(mentions: Iterable[Mention]) -> Counter[str]:
    """How many mentions of one class in a document are discontinuous, composite, duplicate, nested or overlapping."""
    counts: Counter[str] = Counter()
    farthest = 0
    seen: set[tuple[tuple[int, int], ...]] = set()
    for mention in sorted(mentions, key=lambda m: (m.start, -m.end)):
        counts["mentions"] += 1
        counts["discontinuous"] += len(mention.spans) > 1
        counts["composite"] += mention.composite
        if mention.spans in seen:
            counts["duplicates of another"] += 1
        elif mention.end <= farthest:
            counts["nested in another"] += 1
        elif mention.start < farthest:
            counts["overlapping with another"] += 1
        seen.add(mention.spans)
        farthest = max(farthest, mention.end)
    return counts


def _split(
    native: Path,
    spec: CorpusSpec,
    entities: Mapping[str, Sequence[str]],
    report: Report,
    policy: str,
    percent: Mapping[str, int],
    seed: int,
) -> None:
    """The parts and tokens of each class, as the workflow makes them."""
    shares = f", {'/'.join(map(str, percent.values()))} percent, seed {seed}" if policy == "random" else ""
    report.lines += ["", f"Split ({policy}{shares})"]
    for position, (entity, labels) in enumerate(entities.items()):
        lost: Counter[str] = Counter()
        documents: dict[str, tuple[str, Counter[str]]] = {}
        unidentified: list[str] = []
        same: dict[str, list[str]] = {}  # documents by their letters and digits, as the silver corpus is compared
        try:
            for document in read_documents(native, spec, dict.fromkeys(labels, entity), lost):
                documents[document.id] = (document.split, _tagged(document))
                if document.text.strip():
                    same.setdefault(normalise(document.text), []).append(document.id)
                if not document.pmid and not document.pmcid:
                    unidentified.append(document.id)
            states = [(name, split) for name, (split, _) in documents.items()]
            assignment = assign_splits(states, policy=policy, percent=percent, seed=seed)
        except CorpusError as error:
            report.errors.append(str(error))
            return
        leaks = [ids for ids in same.values() if len({assignment[name] for name in ids}) > 1]
        if position == 0 and leaks:
            shown = ", ".join(" and ".join({assignment[name]: name for name in ids}.values()) for ids in leaks[:3])
            problem = f"{len(leaks):,} texts stand in two parts under different ids, such as {shown}"
            report.warnings.append(f"{problem}; leave one of each out")
        if position == 0:
            report.lines += _some(
                "documents without PMID and PMCID, found in the silver corpus by text alone", unidentified
            )
        parts = {part: Counter[str]() for part in percent}
        for name, (_, counts) in documents.items():
            parts[assignment[name]].update(counts)
        for part, counts in parts.items():
            keys = ("documents", "sentences", "tokens", "mentions")
            report.lines.append(f"  {entity} {part}: " + ", ".join(f"{counts[key]:,} {key}" for key in keys))
            if not counts["mentions"]:
                serious = report.warnings if part == "test" else report.errors  # what cannot be trained
                serious.append(f"{part} has no {entity} mentions; use another split or more documents")
        whole = sum(parts.values(), Counter[str]())
        report.lines += ["    of all parts:"] * any((*whole.keys() & _TOKENISED.keys(), *filter(lost.get, _POLICIES)))
        for name in _POLICIES:
            report.lines += [f"    {lost[name]:,} left out by `{name}: {getattr(spec, name)}`"] * bool(lost[name])
        for key, meaning in _TOKENISED.items():
            report.lines += [f"    {whole[key]:,} {meaning}"] * bool(whole[key])


def _tagged(document: Document) -> Counter[str]:
    _, counts = tag_sentences(document, sentences(document.text))
    counts["documents"] = 1
    return counts
