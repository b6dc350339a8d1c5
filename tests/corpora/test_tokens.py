"""Tokens cover a text without its whitespace; sentences end where a reader of abstracts says they do."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.tokens import sentences

spaces = [" ", "\n", "\t", "\r", "\v", "\f", "\x1c", "\x85", "\xa0", "\u2028", "\u2029", "\u2009", "\u3000"]
others = [
    "a",
    "B",
    "IL-2",
    "E.",
    "coli",
    "Fig.",
    "3.5",
    ".",
    "(",
    ")",
    "µg/ml",
    "don't",
    "8)",
    "😀",
    "e\u0301",
    "\u200b",
]
pieces = st.sampled_from([*spaces, *others, "http://a.b/c."])
texts = st.one_of(st.text(max_size=40), st.lists(pieces, max_size=20).map("".join))


def words(text):
    return [[text[start:end] for start, end in sentence] for sentence in sentences(text)]


@settings(deadline=None)
@given(texts)
def test_tokens_cover_all_but_whitespace_once_and_in_order(text):
    tokens = [token for sentence in sentences(text) for token in sentence]
    assert all(a.end <= b.start for a, b in pairwise(tokens))
    assert all(text[start:end].split() == [text[start:end]] for start, end in tokens)
    covered = {i for start, end in tokens for i in range(start, end)}
    assert covered == {i for i, character in enumerate(text) if not character.isspace()}


@settings(deadline=None)
@given(texts)
def test_no_sentence_is_empty_or_crosses_a_newline(text):
    for sentence in sentences(text):
        assert "\n" not in text[sentence[0].start : sentence[-1].end]


@settings(deadline=None)
@given(texts, texts)
def test_lines_do_not_influence_one_another(first, second):
    assert words(f"{first}\n{second}") == words(first) + words(second)


@pytest.mark.parametrize(
    "marked",  # a bar where a sentence ends
    [
        "We grew E. coli and S. cerevisiae.| The yield rose.",
        "See Fig. 2 and Figs. S1.| Then stop.",
        "As Doe et al. (1999) and Roe et al. showed, it is so.",
        "It was so in Doe et al.| However, not here.",
        "Drugs, e.g. Alpha, vs. Beta, i.e. Gamma, cf. Delta, approx. 5 mg.",
        "Growth of Aspergillus sp. RM7 and Bacillus spp. was slow.",
        "He had hepatitis C.| The other had not.",
        "At 0.5 mg.| 12 patients left.",
        "Cells died.| p53 was lost.| c-Myc rose.| mRNA fell. but no sentence starts here.",
        'Is it so?| We asked.| (It was.)| [Yes!]| "Good."| End.',
        "It rose (Fig. 2; [cf. Table 3]) and fell (approx. 5 ml).| The end.",
        "Patient no. 5 took part.| Was it no. 6?| It was no.| The end.",
        "1. Introduction of a method",
        "Flow was 5 ml . min-1 in all.",
        "A title without stop|\nThe abstract begins.",
    ],
)
def test_sentences_end_where_marked(marked):
    expected = [part.split() for part in marked.split("|")]
    assert ["".join(sentence) for sentence in words(marked.replace("|", ""))] == ["".join(part) for part in expected]


def test_no_exceptions_for_chat_and_contractions():
    assert words("Id1 and Id (n = 8) of type C.") == [
        ["Id1", "and", "Id", "(", "n", "=", "8", ")", "of", "type", "C", "."]
    ]


def test_long_runs_without_white_space_take_linear_time():
    begun = time.perf_counter()
    found = [word for sentence in words("(" * 20_000 + " a" + "b-(" * 1000) for word in sentence]
    assert time.perf_counter() - begun < 20  # spaCy alone takes minutes
    assert found[:20_000] == ["("] * 20_000
    assert "".join(found[20_000:]) == "a" + "b-(" * 1000
