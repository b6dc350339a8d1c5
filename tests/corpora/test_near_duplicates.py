"""Near-duplicates: what MinHash finds equals comparing every pair; what changes little goes, what differs stays."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.documents import Document
from corpora.silver import near_duplicates as module
from corpora.silver.exclusion import Exclusion
from corpora.silver.near_duplicates import COVERAGE, MINIMUM_WORDS, SIMILARITY, near_duplicates, similarity

WORDS = [f"{a}{b}" for a in ("ba", "do", "fi", "ku", "me") for b in ("lan", "rix", "sto", "tev", "wum", "zy")] * 3


def sentence(seed, length=20):
    return " ".join(Random(seed).choices(WORDS, k=length)).capitalize() + "."


GOLD = [sentence(n) for n in range(8)]
OTHER = [sentence(n) for n in range(100, 108)]


def found(silver, *gold):
    documents = [Document(f"g{number}", text) for number, text in enumerate(gold)]
    return near_duplicates([Document("s", silver)], {"gold": documents}).get("s")


def altered(text, *places):
    words = text.split()
    for place in places:
        words[place] = "quux"
    return " ".join(words)


@pytest.mark.parametrize(
    ("silver", "gold"),
    [
        (" ".join(GOLD), "\n".join(GOLD)),
        (f"{GOLD[0]}\n{' '.join(altered(s, 9) for s in GOLD[1:])}", " ".join(GOLD)),  # a word in twenty
        (f"{OTHER[0]}\n{' '.join(OTHER[1:5])} {altered(GOLD[0], 7)} {OTHER[5]}", GOLD[0]),  # a gold sentence inside
        (f"{OTHER[0]}\n{' '.join(OTHER[1:6])} {' '.join(GOLD[:5])}", " ".join(GOLD)),  # more than half of the gold one
        (" ".join(GOLD[:4]), "\n".join([*OTHER * 9, *GOLD])),  # the abstract of a full text
        (f"{GOLD[0]} {OTHER[0][:10]}", GOLD[0].upper().replace(" ", " - ")),
        (GOLD[0].replace("lan", "läñ"), GOLD[0].replace("lan", "läñ").upper()),
    ],
)
def test_nearly_the_same_text_is_found(silver, gold):
    assert found(silver, OTHER[7], gold) == Exclusion("near_duplicate", "gold", "g1")


@pytest.mark.parametrize(
    ("silver", "gold"),
    [
        (" ".join(OTHER), " ".join(GOLD)),
        (altered(GOLD[0], 5, 12), GOLD[0]),  # two words in twenty: 12 of 24
        (altered(GOLD[0], 5, 10, 15), GOLD[0]),  # three words in twenty: 9 of 27 shingles are shared
        (" ".join([*OTHER, *GOLD[:3]]), " ".join(GOLD)),  # 3 of 8 sentences
        (" ".join(sentence(1).split()[: MINIMUM_WORDS - 1]), " ".join(sentence(1).split()[: MINIMUM_WORDS - 1])),
        ("", ""),
        ("...", "?"),
    ],
)
def test_different_or_short_text_is_not(silver, gold):
    assert found(silver, gold) is None


def test_the_gold_document_with_most_in_common_is_named():
    less, more = " ".join(OTHER[:4] + GOLD[:4]), " ".join(GOLD[:6] + OTHER[:1])
    assert found(" ".join(GOLD), less, more).document == "g1"
    assert found(" ".join(GOLD), more, less).document == "g0"


def shingles(words):
    return {tuple(words[i : i + 3]) for i in range(len(words) - 2)}


def brute_force(silver, gold):
    """The silver texts that hold a gold one, by comparing every sentence with every other."""

    def cut(text):
        sentences = (piece.strip(".").lower().split() for piece in text.split(". "))
        return [words for words in sentences if len(words) >= MINIMUM_WORDS]

    holding = set()
    for number, text in enumerate(silver):
        for other in gold:
            ours, theirs = cut(text), cut(other)
            near = [
                (a, b)
                for a, one in enumerate(ours)
                for b, two in enumerate(theirs)
                if len(shingles(one) & shingles(two)) >= SIMILARITY * len(shingles(one) | shingles(two))
            ]
            for sentences, matched in ((ours, {a for a, _ in near}), (theirs, {b for _, b in near})):
                whole = sum(len(words) - 2 for words in sentences)
                if near and sum(len(sentences[place]) - 2 for place in matched) >= COVERAGE * whole:
                    holding.add(str(number))
    return holding


texts = st.lists(st.tuples(st.integers(0, 4), st.lists(st.integers(0, 18), max_size=3)), min_size=1, max_size=4).map(
    lambda chosen: " ".join(altered(sentence(seed), *places).rstrip(".") + "." for seed, places in chosen)
)


@settings(max_examples=150)
@given(st.lists(texts, min_size=1, max_size=4), st.lists(texts, min_size=1, max_size=4))
def test_minhash_finds_what_comparing_all_pairs_finds(silver, gold):
    documents = {"gold": [Document(f"g{n}", text) for n, text in enumerate(gold)]}
    found = near_duplicates([Document(str(n), text) for n, text in enumerate(silver)], documents)
    assert set(found) == brute_force(silver, gold)


def test_similarity_is_jaccards_of_word_triples():
    assert similarity(b"a b c d".split(), b"a b c e".split()) == pytest.approx(1 / 3)


def test_sentences_left_out_beforehand_have_no_near_duplicate(monkeypatch):
    queried = []
    original = module._minhash
    monkeypatch.setattr(module, "_minhash", lambda words: queried.append(words) or original(words))
    assert found(" ".join(OTHER), " ".join(GOLD)) is None
    assert not queried  # no sketch is made of sentences that share nothing
