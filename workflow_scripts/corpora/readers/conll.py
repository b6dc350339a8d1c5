"""Reader of CoNLL files: a token a line, its tag in the last column, an empty line after each sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from corpora.archives import Member, members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.standoff import DOCUMENT_BYTES, REMEDY, numbered_lines, split_of

_TOKEN = 32  # a token's share of DOCUMENT_BYTES beside its characters
UNTYPED = "entity"  # the label of tags that are only B, I or O
_START = "-DOCSTART-"
_TAG = re.compile(r"([BIESLUMW])(?:[-_](.+))?", re.DOTALL)

Sentence = list[tuple[str, str]]  # tokens with their tags


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """Documents in the order of the files; tokens are joined by blanks, sentences by newlines.

    Columns are separated by tabs, or by blanks in a line without tabs; the first is the token, the last the tag: B, I
    and O, also with E, S, L and U, a dash and the label. A label that starts or changes with I begins a mention, as
    conlleval has it. Lines ``-DOCSTART-`` divide a file into documents; without any, each sentence is one. The id is
    the file's name and a number; the split is the name of the file or its folder, as train.tsv.

    Raises CorpusError for a line without a tag, an unknown tag, a document of more than DOCUMENT_BYTES, and a source
    without sentences.
    """
    found = False
    for member in members(source, patterns):
        name = PurePosixPath(member.name)
        for number, sentences in enumerate(_documents(member), start=1):
            found = True
            text, mentions = _content(sentences)
            identifier = "-".join([*name.with_suffix("").parts, f"{number:06d}"])
            yield Document(identifier, text, mentions, split=split_of(name))
    if not found:
        raise CorpusError(source, None, "holds no sentences", "correct `members` or `format`")


def _documents(member: Member) -> Iterator[list[Sentence]]:
    """Sentences of one document after the other."""
    document: list[Sentence] = []
    divided = False
    size = 0
    for line, sentence in _sentences(member):
        if sentence[0][0].startswith(_START):
            divided = True
            sentence = sentence[1:]
            if document:
                yield document
            document, size = [], 0
        size += sum(map(_size, sentence))
        if size > DOCUMENT_BYTES:
            raise _too_long(member, line)
        if sentence and not divided:
            yield [sentence]
            size = 0
        elif sentence:
            document.append(sentence)
    if document:
        yield document


def _sentences(member: Member) -> Iterator[tuple[int, Sentence]]:
    sentence: Sentence = []
    number = size = 0
    for number, line in numbered_lines(member.open(), member.place):
        if not line.strip():
            if sentence:
                yield number, sentence
            sentence, size = [], 0
            continue
        columns = [column for column in line.split("\t" if "\t" in line else " ") if column]
        token, tag = columns[0], columns[-1].strip()
        if token.startswith(_START):
            if sentence:
                yield number, sentence
            sentence, size = [(_START, "O")], 0
            continue
        if len(columns) < 2 or not token:
            problem = f"{line[:80]!r} has not two columns, token and tag"
            raise CorpusError(member.place, number, problem, "correct the line or `format`")
        if tag != "O" and not _TAG.fullmatch(tag):
            raise CorpusError(member.place, number, f"tag {tag[:40]!r} is none of O, B-label, I-label", REMEDY)
        sentence.append((token, tag))
        size += _size(sentence[-1])
        if size > DOCUMENT_BYTES:
            raise _too_long(member, number)
    if sentence:
        yield number, sentence


def _size(token: tuple[str, str]) -> int:
    return _TOKEN + len(token[0]) + len(token[1])


def _too_long(member: Member, line: int) -> CorpusError:
    problem = f"the document is too long for {DOCUMENT_BYTES} bytes of memory"
    return CorpusError(member.place, line, problem, f"divide it by empty lines or {_START}")


def _content(sentences: list[Sentence]) -> tuple[str, tuple[Mention, ...]]:
    lines: list[str] = []
    mentions: list[Mention] = []
    at = 0
    for sentence in sentences:
        label, start, end = "", 0, 0
        for token, tag in sentence:
            match = _TAG.fullmatch(tag) if tag != "O" else None
            here = (match[2] or UNTYPED) if match else ""
            if label and (here != label or (match and match[1] in "BSUW")):
                mentions.append(Mention(label, ((start, end),)))
                label = ""
            if here and not label:
                start = at
            label, end = here, at + len(token)
            if match and match[1] in "ESLUW":
                mentions.append(Mention(label, ((start, end),)))
                label = ""
            at = end + 1
        if label:
            mentions.append(Mention(label, ((start, end),)))
        lines.append(" ".join(token for token, _ in sentence))
    return "\n".join(lines), tuple(mentions)
