"""Sentences and tokens of a text, with character offsets.

Tokens are those of spaCy's English rules (the paper's program, NeuroNER, uses spaCy too) without its exceptions for
chat and contractions, which take "8)" for a smiley and cut the gene name Id in two; so they need no model. Sentences
end by the rules of this module: spaCy's own rule, any full stop, knows neither "Fig. 2" nor "E. coli".
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from spacy.tokenizer import Tokenizer

_SHORT, _LONG, _PART = 40, 1000, 100  # characters without whitespace
_CHUNK = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*$")
_FIRST_WORD = re.compile(r"[(\[{\"'“‘]*([^\W_]\S*)")
_PLAIN_NAME = re.compile(r"[A-Z][a-z]+[,;:]?$")
_INITIALS = re.compile(r"(?:[A-Z]\.)+$")
_ENUMERATION = re.compile(r"[(\[]?(?:\d{1,2}|[A-Za-z])[)\]]?\.$")

# Before a capital or a number these never end a sentence: the name or the number belongs to them.
_NEVER_LAST = frozenset(
    ("approx", "ca", "cf", "dr", "e.g", "i.e", "mr", "mrs", "ms", "prof", "resp", "st", "viz", "vs")
)
# These do not end one before a number, a letter or a strain; before an ordinary word they do.
_BEFORE_REFERENCE = frozenset(
    (
        "al",
        "app",
        "bv",
        "chap",
        "cv",
        "ed",
        "eq",
        "eqs",
        "fig",
        "figs",
        "no",
        "nos",
        "p",
        "pp",
        "pv",
        "ref",
        "refs",
        "sect",
        "sp",
        "spp",
        "ssp",
        "subsp",
        "suppl",
        "tab",
        "var",
        "vol",
    )
)
# After initials a capitalised word is a name ("E. Coli", "J. Smith") unless it is one of those that open sentences.
_OPENERS = frozenset(
    (
        "A",
        "After",
        "All",
        "Although",
        "An",
        "As",
        "At",
        "Both",
        "By",
        "Compared",
        "Conclusions",
        "Conversely",
        "During",
        "Each",
        "Finally",
        "For",
        "Four",
        "From",
        "Further",
        "Furthermore",
        "He",
        "Here",
        "However",
        "If",
        "In",
        "Interestingly",
        "It",
        "Its",
        "Most",
        "Moreover",
        "No",
        "None",
        "On",
        "One",
        "Only",
        "Other",
        "Our",
        "Patients",
        "Results",
        "She",
        "Since",
        "Six",
        "Some",
        "Such",
        "Taken",
        "Ten",
        "That",
        "The",
        "Their",
        "Then",
        "There",
        "Therefore",
        "These",
        "They",
        "This",
        "Those",
        "Three",
        "Thus",
        "To",
        "Treatment",
        "Twelve",
        "Two",
        "Under",
        "Using",
        "We",
        "When",
        "Whereas",
        "Whether",
        "While",
        "With",
    )
)


class Token(NamedTuple):
    """Character offsets of a token in its text, 0-based, end-exclusive."""

    start: int
    end: int


def sentences(text: str) -> list[list[Token]]:
    """The sentences of ``text``, each the list of its tokens, in order; none is empty.

    Tokens do not overlap, hold no whitespace of any kind (Unicode's, which includes the separators at which
    ``str.splitlines`` breaks) and cover every other character. A newline always ends a sentence.
    """
    found: list[list[Token]] = []
    offset = 0
    for line in text.split("\n"):
        current: list[Token] = []
        chunks = [(match.start(), match.group()) for match in _CHUNK.finditer(line)]
        first = 0
        for index, (start, chunk) in enumerate(chunks):
            start += offset
            current.extend(Token(start + begin, start + end) for begin, end in pieces(chunk))
            following = chunks[index + 1][1] if index + 1 < len(chunks) else None
            if following is None or _ends_sentence(chunk, following, first=index == first):
                found.append(current)
                current = []
                first = index + 1
        offset += len(line) + 1
    return found


def pieces(chunk: str) -> tuple[tuple[int, int], ...]:
    """Offsets of the tokens in a run of characters without whitespace; spaCy treats each such run by itself.

    spaCy takes quadratic time for long runs of punctuation, minutes for some; what is longer than any name goes to
    it in parts.
    """
    if len(chunk) <= _SHORT:
        return _common_pieces(chunk)
    if len(chunk) <= _LONG:
        return _spacy_pieces(chunk)
    parts = ((at, _spacy_pieces(chunk[at : at + _PART])) for at in range(0, len(chunk), _PART))
    return tuple((at + begin, at + end) for at, part in parts for begin, end in part)


def _spacy_pieces(chunk: str) -> tuple[tuple[int, int], ...]:
    return tuple((token.idx, token.idx + len(token)) for token in _tokenizer()(chunk))


_common_pieces = lru_cache(maxsize=1 << 18)(_spacy_pieces)  # only of short ones, which bounds what it holds


@cache
def _tokenizer() -> Tokenizer:
    import spacy  # takes seconds, which those who only read CoNLL files need not wait for

    language = spacy.blank("en")
    tokenizer = language.tokenizer
    tokenizer.rules = {}
    language.vocab.lex_attr_getters = {}  # shapes, norms and the like of every word, which nobody asks for
    # spaCy keeps the full stop of "hepatitis C." for fear of initials.
    suffixes = [*(language.Defaults.suffixes or ()), r"(?<=[A-Z])\."]
    tokenizer.suffix_search = spacy.util.compile_suffix_regex(suffixes).search
    return tokenizer


def _ends_sentence(chunk: str, following: str, *, first: bool) -> bool:
    """Whether a sentence ends between two neighbouring runs of characters; ``first`` when it began with ``chunk``."""
    if not _SENTENCE_END.search(chunk):
        return False
    opening = _FIRST_WORD.match(following)
    if opening is None:
        return False
    word = opening.group(1)
    # A lower-case word continues the sentence, a name such as p53, mRNA or c-Myc may begin one.
    continues = word[0].islower() and (chunk == "." or not any(c.isupper() or c.isdigit() for c in word))
    if continues or not chunk.endswith("."):
        return not continues
    if first and _ENUMERATION.match(chunk):
        return False
    bare = chunk.lstrip("([{\"'“‘")
    abbreviation = bare[:-1].casefold()
    if abbreviation in _NEVER_LAST:
        return False
    if abbreviation in _BEFORE_REFERENCE:
        return _PLAIN_NAME.match(word) is not None
    if _INITIALS.match(bare):
        return word.rstrip(",") in _OPENERS
    return True
