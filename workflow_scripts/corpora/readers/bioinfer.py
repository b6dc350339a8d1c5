"""Reader of BioInfer's own XML, release 1.1.1 (Pyysalo et al. 2007): tokens, and entities that name parts of tokens.

``sentence`` holds ``token`` with ``subtoken``, whose attribute ``text`` has the characters, and ``entity`` with
``nestedsubtoken``, whose ids say which subtokens it is made of.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from corpora.archives import members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.elements import attribute, digits, elements, line_of
from corpora.readers.standoff import HELD_BYTES, REMEDY


def read(source: Path, patterns: Sequence[str] = ("*",)) -> Iterator[Document]:
    """The sentences of one PMID as a document, joined by newlines, in the order of the files.

    The text of a sentence is its attribute ``origText``, or its tokens joined by blanks; the id of a document is the
    PMID, of a sentence without one its own. Labels are the types of the entities, which are of many other kinds than
    proteins; entities without subtokens are passed over. Subtokens that do not follow one another make an entity
    discontinuous.

    Raises CorpusError for what is no XML of this form, unknown subtokens, tokens that are not in ``origText``, and a
    source without sentences.
    """
    documents: dict[str, tuple[str, list[str], list[Mention]]] = {}  # by id: PMID, sentences, mentions
    lengths = Counter[str]()
    size = 0
    for member in members(source, patterns):
        for line, element in elements(member, "sentence", root="sentences"):
            words, found = _sentence(element, member.place, line)
            pmid = digits(element.get("PMID") or "")
            identifier = pmid or attribute(element, "id", member.place, line)
            _, sentences, mentions = documents.setdefault(identifier, (pmid, [], []))
            begin = lengths[identifier]
            for mention in found:
                spans = tuple((begin + start, begin + end) for start, end in mention.spans)
                mentions.append(Mention(mention.label, spans))
            sentences.append(words)
            lengths[identifier] += len(words) + 1
            size += 4 * len(words)
            if size > HELD_BYTES:
                raise CorpusError(member.place, line, "the files up to this line are too large", "narrow `members`")
    if not documents:
        raise CorpusError(source, None, "holds no <sentence> elements", "correct `members` or `format`")
    for identifier, (pmid, sentences, mentions) in documents.items():
        yield Document(identifier, "\n".join(sentences), tuple(mentions), pmid=pmid)


class _Subtoken(NamedTuple):
    """Its place among the subtokens of the sentence, and where it starts and ends in the text."""

    position: int
    start: int
    end: int


def _sentence(sentence: Any, place: str, line: int) -> tuple[str, list[Mention]]:
    text: str | None = sentence.get("origText")
    joined = ""
    subtokens: dict[str, _Subtoken] = {}
    at = 0
    for token in sentence.findall("token"):
        parts = [attribute(part, "text", place, line) for part in token.findall("subtoken")]
        word = "".join(parts)
        if text is None:
            joined += f" {word}" if joined else word
            start = len(joined) - len(word)
        else:
            start = text.find(word, at)
            if start < 0 or text[at:start].strip():
                problem = f"token {word[:40]!r} does not follow in the sentence's origText"
                raise CorpusError(place, line_of(token, line), problem, REMEDY)
        at = start + len(word)
        number = attribute(token, "id", place, line).partition(".")[2]
        for index, (part, characters) in enumerate(zip(token.findall("subtoken"), parts, strict=True)):
            identifier = part.get("id") or f"st.{number}.{index}"
            subtokens[identifier] = _Subtoken(len(subtokens), start, start + len(characters))
            start += len(characters)
    mentions = [_mention(entity, subtokens, place, line) for entity in sentence.iter("entity")]
    return joined if text is None else text, [mention for mention in mentions if mention is not None]


def _mention(entity: Any, subtokens: dict[str, _Subtoken], place: str, line: int) -> Mention | None:
    label = attribute(entity, "type", place, line)
    chosen = []
    for part in entity.findall("nestedsubtoken"):
        identifier = attribute(part, "id", place, line)
        if identifier not in subtokens:
            problem = f"subtoken {identifier[:40]!r} is not in the sentence"
            raise CorpusError(place, line_of(part, line), problem, REMEDY)
        chosen.append(subtokens[identifier])
    spans: list[tuple[int, int]] = []
    previous: int | None = None
    for position, start, end in sorted(set(chosen)):
        if previous is not None and position == previous + 1:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
        previous = position
    return Mention(label, tuple(spans)) if spans else None
