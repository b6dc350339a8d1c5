"""What an automatic annotator would make of a document: mentions with its usual faults, written as IeXML.

IeXML is the form of the CALBC silver standard: one PubmedArticle an abstract, sentences in ``s``, names in ``e`` with
the classes in ``ct``; where names overlap, one ``e`` covers them all and numbers its words in ``w``.
"""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

from demo.sentences import Sentence

MISSED, WRONG_BORDER, WRONG_CLASS, UNDECIDED = 0.12, 0.09, 0.05, 0.05  # shares of the mentions
GENERAL = 0.7  # share of the general words that are annotated like names
GENERAL_WORDS = {
    "CHED": ("drug", "dose", "serum", "placebo"),
    "DISO": ("disease", "death", "infection", "response", "risk"),
    "LIVB": ("patients", "women", "children", "adults", "men", "participants", "animals", "controls", "volunteers"),
    "PRGE": ("gene", "protein", "receptor", "antibodies"),
}

Span = tuple[int, int, tuple[str, ...]]  # start, end, lower-case classes


def _moved(text: str, start: int, end: int, rng: Random) -> tuple[int, int]:
    """Other borders for a name: its first or last word lost, or the word before or after it taken in."""
    choices = []
    inner = text[start:end]
    if " " in inner:
        choices += [(start + inner.index(" ") + 1, end), (start, start + inner.rindex(" "))]
    if before := re.search(r"[\w-]+ $", text[:start]):
        choices.append((before.start(), end))
    if after := re.match(r" [\w-]+", text[end:]):
        choices.append((start, end + after.end()))
    return rng.choice(choices) if choices else (start, end)


def annotate(sentence: Sentence, rng: Random) -> list[Span]:
    """The spans that the annotator finds in a sentence; discontinuous names are covered from end to end."""
    found: set[Span] = set()
    for mention in sentence.mentions:
        start, end = mention.spans[0][0], mention.spans[-1][1]
        classes: tuple[str, ...] = (mention.entity.lower(),)
        chance = rng.random()
        if chance < MISSED:
            continue
        if chance < MISSED + WRONG_BORDER:
            start, end = _moved(sentence.text, start, end, rng)
        elif chance < MISSED + WRONG_BORDER + WRONG_CLASS:
            classes = (rng.choice([entity.lower() for entity in GENERAL_WORDS if entity != mention.entity]),)
        elif chance < MISSED + WRONG_BORDER + WRONG_CLASS + UNDECIDED and mention.entity in ("CHED", "PRGE"):
            classes = ("ched", "prge")
        found.add((start, end, classes))
    for entity, words in GENERAL_WORDS.items():
        for word in re.finditer(rf"\b(?:{'|'.join(words)})\b", sentence.text, re.IGNORECASE):
            if rng.random() < GENERAL and not any(s < word.end() and word.start() < e for s, e, _ in found):
                found.add((word.start(), word.end(), (entity.lower(),)))
    return sorted(found)


def concept(name: str) -> str:
    """An invented concept number that is the same wherever the name occurs."""
    return f"{zlib.crc32(name.lower().encode()) % 1_000_000:06d}"


def _element(text: str, spans: list[Span]) -> str:
    """One ``e`` over spans that overlap, or over a single one."""
    start, end = spans[0][0], max(span[1] for span in spans)
    classes = "|".join(dict.fromkeys(name for span in spans for name in span[2]))
    if len(spans) == 1:
        ids = "|".join(f"X:{concept(text[start:end])}:T000:{name}" for name in spans[0][2])
        return f'<e id="{ids}" ct="{classes}">{escape(text[start:end])}</e>'
    borders = {border for span in spans for border in span[:2]}
    borders |= {start + at for space in re.finditer(r"\s+", text[start:end]) for at in space.span()}
    cuts = sorted(borders)
    pieces = [(a, b) for a, b in pairwise(cuts) if not text[a:b].isspace()]
    ids = "|".join(
        f"X:{concept(text[s:e])}:T000:{name}:"
        + ",".join(str(n) for n, (a, b) in enumerate(pieces, 1) if s <= a and b <= e)
        for s, e, names in spans
        for name in names
    )
    inner, at = "", start
    for number, (a, b) in enumerate(pieces, 1):
        inner += escape(text[at:a]) + f'<w id="{number}">{escape(text[a:b])}</w>'
        at = b
    return f'<e id="{ids}" ct="{classes}">{inner}</e>'


def marked_up(text: str, spans: list[Span]) -> str:
    """The sentence's XML content."""
    content, at = "", 0
    groups: list[list[Span]] = []
    for span in spans:
        if groups and span[0] < max(other[1] for other in groups[-1]):
            groups[-1].append(span)
        else:
            groups.append([span])
    for group in groups:
        content += escape(text[at : group[0][0]]) + _element(text, group)
        at = max(span[1] for span in group)
    return content + escape(text[at:])


def write_iexml(documents: Iterable[tuple[str, list[Sentence]]], path: Path, rng: Random) -> None:
    """Annotate documents (PMID, sentences; the first is the title) and write them as one gzip file."""
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<PubmedArticleSet>"]
    for pmid, sentences in documents:
        title, *body = (
            f'<s id="{number}">{marked_up(sentence.text, annotate(sentence, rng))}</s>'
            for number, sentence in enumerate(sentences, 1)
        )
        lines.append(f"<PubmedArticle><MedlineCitation><PMID>{pmid}</PMID><Article>")
        lines.append(f"<ArticleTitle><document>{title}</document></ArticleTitle>")
        lines.append(f"<Abstract><AbstractText><document>{' '.join(body)}</document></AbstractText></Abstract>")
        lines.append("</Article></MedlineCitation></PubmedArticle>")
    lines.append("</PubmedArticleSet>")
    path.write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
