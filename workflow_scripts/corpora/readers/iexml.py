"""Reader of IeXML, the inline annotation of the CALBC silver-standard corpora (Rebholz-Schuhmann et al. 2010).

``PubmedArticle`` elements hold sentences ``s`` in title and abstract; in them, ``e`` marks a name, its attribute
``ct`` the semantic groups, joined by "|". Names inside a name are told by word: ``w id="2"`` around each word, and
in ``e``'s attribute ``id``, for each concept, source:concept:type:group:words.

Files with and without a root element, and several such files one after the other, read the same.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from operator import attrgetter
from pathlib import Path
from typing import Any

from lxml import etree

from corpora.archives import members
from corpora.documents import CorpusError, Document, Mention
from corpora.readers.elements import parsed, pieces

logger = logging.getLogger(__name__)

BROKEN_SHARE = 0.001

_WORDS = re.compile(r"\d+(?:,\d+)*")
_OUTER_SENTENCES: Any = etree.XPath(".//s[not(ancestor::s)]")

Found = tuple[Any, int, int]  # an element `e` or `w`, and where its text starts and ends


def read(source: Path, patterns: Sequence[str] = ("*",), share: tuple[int, int] = (0, 1)) -> Iterator[Document]:
    """Documents in the order of the files; id and PMID are the article's PMID.

    With ``share`` (i, n), only articles i, i + n, i + 2n and so on, for one of n processes.

    The text is the sentences of the title joined by blanks, a newline, those of the abstract; the newline is left
    out where one of the two is missing. A name of several groups gives one mention a group, labelled in lower
    case as in the source; words that lie apart make a mention discontinuous. Other elements are transparent.

    An article without an abstract is passed over and counted in the log, as is one that is no XML or has no PMID, if
    such are few: of 175,000 one should not stop a study.

    Raises CorpusError for a source without articles that have an abstract, and where more than BROKEN_SHARE of this
    share cannot be read: then that of the first.
    """
    unlabelled = titles = found = own = 0
    broken: list[CorpusError] = []
    for member in members(source, patterns):
        for piece in pieces(member, "PubmedArticle"):
            if b"<AbstractText" not in piece.data:  # told alike by each of n processes, which count on
                titles += 1
                continue
            found += 1
            if (found - 1) % share[1] != share[0]:
                continue
            own += 1
            try:
                article = parsed(piece, "PubmedArticle", member.place)
                document, without_group = _document(article, member.place, piece.line)
            except CorpusError as error:
                broken.append(error)
                if len(broken) > 10 + BROKEN_SHARE * own:
                    raise broken[0] from None
                continue
            unlabelled += without_group
            yield document
    if len(broken) > BROKEN_SHARE * own:
        raise broken[0]
    for fault in broken:
        logger.warning("%s; the article is passed over", fault)
    if not found:
        what = f"{titles} <PubmedArticle> elements without an abstract" if titles else "no <PubmedArticle> elements"
        raise CorpusError(source, None, f"holds {what}", "correct `members` or `format`")
    if titles and share[0] == 0:
        logger.warning("%s: %d articles without an abstract, passed over", source, titles)
    if unlabelled:
        logger.warning("%s: %d marked names without a semantic group, passed over", source, unlabelled)


def _document(article: Any, place: str, line: int) -> tuple[Document, int]:
    pmid = (article.findtext("MedlineCitation/PMID") or "").strip()
    if not (pmid.isascii() and pmid.isdigit()):
        problem = f"the article has no PMID, or one that is no number ({pmid!r})"
        raise CorpusError(place, line, problem, "add it or remove the article")
    text = ""
    mentions: list[Mention] = []
    unlabelled = 0
    for part in ("ArticleTitle", "Abstract"):
        separator = "\n"
        for sentence in _sentences(article.find(f"MedlineCitation/Article/{part}")):
            words, found = _flat(sentence)
            shift = len(words) - len(words.lstrip())
            stripped = words.strip()
            if not stripped:
                continue
            text += (separator if text else "") + stripped
            separator = " "
            base = len(text) - len(stripped) - shift
            for element, inner in found:
                labelled = _mentions(element, inner, words, base)
                unlabelled += not labelled
                mentions += labelled
    return Document(pmid, text, tuple(sorted(mentions, key=attrgetter("spans"))), pmid=pmid), unlabelled


def _sentences(part: Any) -> list[Any]:
    """The `s` of a title or abstract; where there are none, all of it is one sentence."""
    if part is None:
        return []
    return list(_OUTER_SENTENCES(part)) or [part]


def _flat(sentence: Any) -> tuple[str, list[tuple[Found, list[Found]]]]:
    """The text of a sentence, of the same length as in the source, and its `e`, each with the `w` in it."""
    parts: list[str] = [sentence.text or ""]
    words: list[Found] = []
    names: list[tuple[Found, list[Found]]] = []

    def walk(node: Any, at: int) -> int:
        for child in node:
            start, before = at, len(words)
            if text := child.text:
                parts.append(text)
                at += len(text)
            if len(child):
                at = walk(child, at)
            if child.tag == "e":
                names.append(((child, start, at), words[before:]))
            elif child.tag == "w":
                words.append((child, start, at))
            if tail := child.tail:
                parts.append(tail)
                at += len(tail)
        return at

    walk(sentence, len(parts[0]))
    text = "".join(parts).replace("\n", " ").replace("\t", " ").replace("\r", " ")
    return text, names


def _mentions(name: Found, words: list[Found], text: str, base: int) -> list[Mention]:
    """One mention a group of an `e`, or several where identifiers of it name other words.

    `base` is where the sentence starts in the document. An identifier belongs to the group that it names, and to the
    one at its place in ``ct`` if it names none of those.
    """
    element, start, end = name
    start, end = _trimmed(text, start, end)
    if start == end:
        return []
    groups = [group.strip() for group in element.get("ct", "").lower().split("|")]
    whole: tuple[tuple[int, int], ...] = ((base + start, base + end),)
    if not words:
        return [Mention(group, whole) for group in dict.fromkeys(groups) if group]
    identifiers = element.get("id", "").lower().split("|")
    known = {word.get("id") for word, _, _ in words}
    mentions: dict[Mention, None] = {}
    for position, identifier in enumerate(identifiers):
        group, numbers = _group_and_words(identifier)
        if group not in groups:
            group = groups[position] if len(identifiers) == len(groups) else ""
        if group:
            mentions[Mention(group, _word_spans(numbers, words, known, text, base) or whole)] = None
    named = {mention.label for mention in mentions}
    return [*mentions, *(Mention(group, whole) for group in dict.fromkeys(groups) if group and group not in named)]


def _group_and_words(identifier: str) -> tuple[str, set[str]]:
    """The fourth and the fifth field of an identifier, whose second, the concept, may hold colons itself."""
    front, _, last = identifier.rpartition(":")
    if front.count(":") >= 3 and _WORDS.fullmatch(last):
        return front.rpartition(":")[2], set(last.split(","))
    return last, set()


def _word_spans(
    wanted: set[str], words: list[Found], known: set[str | None], text: str, base: int
) -> tuple[tuple[int, int], ...]:
    """Spans of the words with the wanted numbers, neighbours as one span; none where one is not known."""
    if not wanted or not wanted <= known:
        return ()
    spans: list[tuple[int, int]] = []
    neighbour = False
    for word, start, end in words:
        chosen = word.get("id") in wanted
        if chosen and neighbour:
            spans[-1] = (spans[-1][0], end)
        elif chosen:
            spans.append((start, end))
        neighbour = chosen
    trimmed = (_trimmed(text, start, end) for start, end in spans)
    return tuple((base + start, base + end) for start, end in trimmed if start < end)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without white space at its ends."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end
