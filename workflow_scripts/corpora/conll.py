"""CoNLL files: one token a line with its document, character offsets and BIOES tag, a blank line after a sentence.

Columns, separated by tabs, without a header: token, document, start, end, tag; a file of predictions has the predicted
tag as sixth. Tags come from mentions by the rules of the paper's program, NeuroNER: a token belongs to a mention when
they share a character. Unlike there, a mention never loses its second half to a sentence end unnoticed, and two
neighbouring mentions stay two. Broken predicted sequences are read as the scorer of CoNLL-2000, conlleval, reads them.
"""

from __future__ import annotations

import json
import logging
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple, TextIO

from corpora.documents import CorpusError, Document, Mention, told
from corpora.tokens import Token, sentences

logger = logging.getLogger(__name__)

_TAG = re.compile(r"O|[BIES]-\S+")
_NUMBER = re.compile(r"[0-9]{1,12}")
_REGENERATE = "write the file again from its Brat documents"


@dataclass(frozen=True, slots=True)
class Sentence:
    """Tokens of one document in order, their character offsets and tags; ``predicted`` is empty without predictions."""

    document: str
    tokens: tuple[str, ...]
    offsets: tuple[Token, ...]
    tags: tuple[str, ...]
    predicted: tuple[str, ...] = ()


def tag_sentences(document: Document, split: Sequence[Sequence[Token]]) -> tuple[list[Sentence], Counter[str]]:
    """BIOES-tagged sentences of a document, from its tokens by sentence, and counts of what tagging changed.

    A discontinuous mention counts from its first to its last character. A sentence end inside a mention goes, unless
    the text holds a newline there; then each sentence gets its part as a chunk of its own. Of overlapping mentions the
    one that starts first, and of those the longest, takes its tokens; a later one keeps what is left.

    Counted: sentences, tokens, mentions, chunks; joined_sentences (sentence ends removed), and of the mentions
    cut_mentions (at a newline), widened_mentions (to the borders of their tokens), shortened_mentions (by tokens that
    an earlier mention holds) and lost_mentions (without any token left).
    """
    mentions = sorted(document.mentions, key=lambda m: (m.start, -m.end, m.label))
    joined = _join(document.text, split, mentions)
    tokens = [token for sentence in joined for token in sentence]
    starts = [token.start for token in tokens]
    ends = [token.end for token in tokens]
    sentence_of = [number for number, sentence in enumerate(joined) for _ in sentence]
    tags = ["O"] * len(tokens)
    counts = Counter(sentences=len(joined), tokens=len(tokens), mentions=len(mentions))
    counts["joined_sentences"] = len(split) - len(joined)
    for mention in mentions:
        first, last = bisect_right(ends, mention.start), bisect_left(starts, mention.end)
        free = [i for i in range(first, last) if tags[i] == "O"]
        if not free:
            counts["lost_mentions"] += 1
            continue
        counts["widened_mentions"] += starts[first] < mention.start or ends[last - 1] > mention.end
        counts["shortened_mentions"] += len(free) < last - first
        pieces: dict[int, list[int]] = {}
        for i in free:
            pieces.setdefault(sentence_of[i], []).append(i)
        counts["cut_mentions"] += len(pieces) > 1
        counts["chunks"] += len(pieces)
        for piece in pieces.values():
            for i in piece:
                tags[i] = f"I-{mention.label}"
            tags[piece[0]] = f"B-{mention.label}"
            tags[piece[-1]] = f"{'E' if len(piece) > 1 else 'S'}-{mention.label}"
    tagged = []
    position = 0
    for sentence in joined:
        words = tuple(document.text[start:end] for start, end in sentence)
        own = tuple(tags[position : position + len(sentence)])
        tagged.append(Sentence(document.id, words, tuple(sentence), own))
        position += len(sentence)
    return tagged, counts


def _join(text: str, split: Sequence[Sequence[Token]], mentions: Sequence[Mention]) -> list[list[Token]]:
    """The sentences without those ends that lie inside a mention and not at a newline."""
    joined: list[list[Token]] = []
    starts = [mention.start for mention in mentions]
    farthest = list(accumulate((mention.end for mention in mentions), max, initial=0))
    for sentence in split:
        if joined:
            left, right = joined[-1][-1].end, sentence[0].start
            inside = farthest[bisect_left(starts, left)] > right
            if inside and "\n" not in text[left:right]:
                joined[-1].extend(sentence)
                continue
        joined.append(list(sentence))
    return joined


def write_conll(tagged: Iterable[Sentence], file: TextIO) -> None:
    """Write sentences, with any predictions as sixth column, to a file opened without newline translation."""
    for sentence in tagged:
        extra = [f"\t{tag}" for tag in sentence.predicted] or [""] * len(sentence.tokens)
        rows = zip(sentence.tokens, sentence.offsets, sentence.tags, extra, strict=True)
        for token, (start, end), tag, last in rows:
            file.write(f"{token}\t{sentence.document}\t{start}\t{end}\t{tag}{last}\n")
        file.write("\n")


def read_conll(path: Path, *, predictions: bool = False) -> Iterator[Sentence]:
    """The sentences of a CoNLL file of five columns, or with ``predictions`` six, one at a time.

    Raises CorpusError with the line for a wrong number of columns, a token with whitespace, offsets that are no
    numbers, do not fit the token's length or do not increase inside a sentence, a tag that is not BIOES, a document
    that changes inside a sentence, and bytes that are not UTF-8.
    """
    rows: list[_Row] = []
    with path.open("rb") as file:
        for number, raw in enumerate(file, start=1):
            try:
                line = raw.decode().removesuffix("\n")
            except UnicodeDecodeError as error:
                raise CorpusError(path, number, f"not UTF-8 ({error.reason})", "save the file as UTF-8") from error
            if not line:
                if rows:
                    yield _sentence(rows, predictions)
                    rows = []
                continue
            row = _row(path, number, line, predictions)
            if rows and row.document != rows[-1].document:
                problem = f"document {row.document!r} follows {rows[-1].document!r} inside a sentence"
                raise CorpusError(path, number, problem, "put a blank line between sentences")
            if rows and row.offsets.start < rows[-1].offsets.end:
                problem = f"the token begins at {row.offsets.start}, before the previous one ends"
                raise CorpusError(path, number, problem, _REGENERATE)
            rows.append(row)
    if rows:
        yield _sentence(rows, predictions)


class _Row(NamedTuple):
    token: str
    document: str
    offsets: Token
    tag: str
    predicted: str


def _row(path: Path, number: int, line: str, predictions: bool) -> _Row:
    fields = line.split("\t")
    wanted = 6 if predictions else 5
    if len(fields) != wanted:
        problem = f"{len(fields)} columns instead of {wanted} (token, document, start, end, tag)"
        raise CorpusError(path, number, problem, "separate the columns with single tabs")
    token, document, start, end, *tags = fields
    if len(token.split()) != 1 or token != token.strip() or not document:
        raise CorpusError(path, number, f"token {token!r} of document {document!r} cannot be used", _REGENERATE)
    if not (_NUMBER.fullmatch(start) and _NUMBER.fullmatch(end)) or int(end) - int(start) != len(token):
        problem = f"offsets {start!r} and {end!r} are not those of {token!r}, {len(token)} characters long"
        raise CorpusError(path, number, problem, _REGENERATE)
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise CorpusError(path, number, f"tag {tag!r} is not BIOES", "use O, or B-, I-, E- or S- and a class")
    return _Row(token, document, Token(int(start), int(end)), tags[0], tags[-1])


def _sentence(rows: Sequence[_Row], predictions: bool) -> Sentence:
    tokens, documents, offsets, tags, predicted = zip(*rows, strict=True)
    return Sentence(documents[0], tokens, offsets, tags, predicted if predictions else ())


def mentions_from_tags(offsets: Sequence[Token], tags: Sequence[str]) -> tuple[Mention, ...]:
    """The mentions that a sentence's BIOES tags mark, in order, with character offsets.

    A sequence may be broken, as predictions are; then conlleval's rules hold: I or E goes on with the chunk of the
    previous token if that is a B or I of the same class, and begins a new one otherwise.
    """
    mentions: list[Mention] = []
    previous = "O"
    for (start, end), tag in zip(offsets, tags, strict=True):
        if tag != "O":
            label = tag[2:]
            if tag[0] in "IE" and previous[0] in "BI" and previous[2:] == label:
                start = mentions.pop().start
            mentions.append(Mention(label, ((start, end),)))
        previous = tag
    return tuple(mentions)


def predictions_to_mentions(path: Path) -> dict[str, tuple[Mention, ...]]:
    """The predicted mentions by document of a CoNLL file with a sixth column; a document without any has none.

    Raises CorpusError as ``read_conll`` does.
    """
    found: dict[str, tuple[Mention, ...]] = {}
    for sentence in read_conll(path, predictions=True):
        mentions = mentions_from_tags(sentence.offsets, sentence.predicted)
        found[sentence.document] = found.get(sentence.document, ()) + mentions
    return found


def tokenize_corpus(
    documents: Iterable[Document], entity: str, assignment: Mapping[str, str], folder: Path
) -> Counter[str]:
    """Write ``{split}.tsv`` of every split in ``assignment`` and ``statistics.json`` into ``folder``; return counts.

    The counts are those of ``tag_sentences`` over the corpus, with documents, unique_tokens and unique_mentions
    (different strings, case-sensitive; Table 1 of the paper), and by split as in ``train_documents`` and
    ``train_sentences``, ``_tokens``, ``_mentions``, ``_chunks``. The files appear together or not at all.

    Raises CorpusError for a document without a split, one that comes twice, and a mention of another class.
    """
    counts: Counter[str] = Counter()
    words: set[str] = set()
    names: set[str] = set()
    seen: set[str] = set()
    folder.mkdir(parents=True, exist_ok=True)
    targets = {split: folder / f"{split}.tsv" for split in sorted(set(assignment.values()))}
    statistics = folder / "statistics.json"
    temporary = {path: path.with_name(f".{path.name}.tmp") for path in [*targets.values(), statistics]}
    try:
        with ExitStack() as stack:
            files = {
                split: stack.enter_context(temporary[path].open("w", encoding="utf-8", newline="\n"))
                for split, path in targets.items()
            }
            for document in documents:
                _check(document, entity, assignment, seen)
                seen.add(document.id)
                tagged, own = tag_sentences(document, sentences(document.text))
                split = assignment[document.id]
                write_conll(tagged, files[split])
                words.update(token for sentence in tagged for token in sentence.tokens)
                names.update(document.text[mention.start : mention.end] for mention in document.mentions)
                own["documents"] = 1
                counts.update(own)
                for key in ("documents", "sentences", "tokens", "mentions", "chunks"):
                    counts[f"{split}_{key}"] += own[key]
        counts["unique_tokens"], counts["unique_mentions"] = len(words), len(names)
        text = json.dumps(dict(sorted(counts.items())), indent=2) + "\n"
        temporary[statistics].write_text(text, encoding="utf-8", newline="\n")
        for path, partial in temporary.items():
            partial.replace(path)
    finally:
        for partial in temporary.values():
            partial.unlink(missing_ok=True)
    size = ("documents", "sentences", "tokens", "mentions", "chunks")
    logger.info("%s: %s", folder, told(Counter({key: counts[key] for key in size})))
    changes = ("joined_sentences", "cut_mentions", "widened_mentions", "shortened_mentions", "lost_mentions")
    if changed := told(Counter({key: counts[key] for key in changes})):
        logger.warning("%s: %s", folder, changed)
    return counts


def _check(document: Document, entity: str, assignment: Mapping[str, str], seen: set[str]) -> None:
    if document.id in seen:
        raise CorpusError(document.id, None, "the document comes twice", "give every document its own name")
    if document.id not in assignment:
        raise CorpusError(document.id, None, "the document belongs to no split", "split the corpus again")
    if re.search(r"[\t\n\r]", document.id):
        raise CorpusError(repr(document.id), None, "a document's name holds a tab or newline", "rename it")
    for mention in document.mentions:
        if mention.label != entity:
            problem = f"mention {mention.start}-{mention.end} is of class {mention.label}, not {entity}"
            raise CorpusError(document.id, None, problem, "convert the corpus for this class again")
