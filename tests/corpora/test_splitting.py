"""Splits partition the documents, by sizes of largest remainder, and depend on nothing but ids and seed."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpora.documents import CorpusError
from corpora.splitting import assign_splits, rank

PAPER = {"train": 60, "dev": 10, "test": 30}


def split(identifiers, percent=PAPER, seed=42, policy="random"):
    return assign_splits([(i, "") for i in identifiers], policy=policy, percent=percent, seed=seed)


@settings(max_examples=50, deadline=None)
@given(st.sets(st.text(max_size=5), min_size=3, max_size=60), st.integers(0, 99), st.randoms())
def test_random_split_partitions_in_the_sizes_asked_for(identifiers, seed, random):
    shuffled = sorted(identifiers)
    random.shuffle(shuffled)
    assignment = split(shuffled, seed=seed)
    assert assignment == split(sorted(identifiers), seed=seed)
    assert assignment.keys() == identifiers
    for name, percent in PAPER.items():
        size = sum(value == name for value in assignment.values())
        assert size >= 1
        if len(identifiers) >= 10:
            assert abs(size - len(identifiers) * percent / 100) < 1


def test_sizes_are_rounded_by_largest_remainder():
    sizes = [sum(v == name for v in split(map(str, range(1504))).values()) for name in PAPER]
    assert sizes == [903, 150, 451]  # 902.4, 150.4, 451.2: the odd one goes to the first of the largest remainders


def test_silver_split_has_no_test():
    assignment = split(map(str, range(100)), {"train": 90, "dev": 10})
    assert sorted(assignment.values()) == ["dev"] * 10 + ["train"] * 90


def test_rank_is_fixed_for_ever():
    assert rank(42, "a") == 0x971344798D4F4AC7  # the first 16 digits of `printf 42:a | sha256sum`


def test_seed_moves_documents():
    assert split("abcdefghij", seed=1) != split("abcdefghij", seed=2)


def test_new_document_keeps_the_order_of_the_others():
    before = sorted("abcdefgh", key=lambda i: rank(7, i))
    after = sorted("abcdefghz", key=lambda i: rank(7, i))
    assert [i for i in after if i != "z"] == before


def test_own_split_is_taken_as_it_is():
    documents = [("a", "train"), ("b", "dev"), ("c", "test")]
    assert assign_splits(documents, policy="own", percent=PAPER, seed=1) == dict(documents)


@pytest.mark.parametrize(
    ("documents", "policy", "message"),
    [
        ([("a", "train"), ("b", "")], "own", "'b' states no split"),
        ([("a", "train"), ("b", "test")], "own", "no document belongs to dev"),
        ([("a", ""), ("b", "")], "random", "2 documents are too few"),
        ([("a", ""), ("a", ""), ("b", "")], "random", "'a' occurs twice"),
    ],
)
def test_what_cannot_be_split_is_named(documents, policy, message):
    with pytest.raises(CorpusError, match=message):
        assign_splits(documents, policy=policy, percent=PAPER, seed=1)


@pytest.mark.parametrize("percent", [{"train": 60, "dev": 10}, {"train": 100, "dev": 0}, {"train": 90, "dve": 10}, {}])
def test_percentages_that_do_not_work_are_refused(percent):
    with pytest.raises(ValueError, match="percentages"):
        split("abcd", percent)


def test_unknown_policy_is_refused():
    with pytest.raises(ValueError, match="unknown policy 'sorted'"):
        split("abcd", policy="sorted")
