"""Policies for discontinuous, composite and overlapping mentions, against brute force."""

from hypothesis import given
from hypothesis import strategies as st

from corpora.documents import Mention
from corpora.policies import COMPOSITE, DISCONTINUOUS, OVERLAPPING, in_order


@st.composite
def mention(draw, most_spans=3):
    borders = sorted(draw(st.sets(st.integers(0, 30), min_size=2, max_size=2 * most_spans)))
    spans = tuple(zip(borders[::2], borders[1::2], strict=False))
    return Mention(draw(st.sampled_from("AB")), spans, draw(st.booleans()))


flat = st.lists(mention(most_spans=1), max_size=8).map(in_order)


def covered(mentions, label):
    return {(i) for m in mentions if m.label == label for i in range(m.start, m.end)}


def overlap(left, right):
    return left.label == right.label and left.start < right.end and right.start < left.end


def test_discontinuous():
    mentions = (Mention("A", ((0, 2), (4, 9))), Mention("A", ((1, 8),)))
    assert DISCONTINUOUS["hull"](mentions) == (Mention("A", ((0, 9),)), mentions[1])
    assert DISCONTINUOUS["first"](mentions) == (Mention("A", ((0, 2),)), mentions[1])
    assert DISCONTINUOUS["drop"](mentions) == mentions[1:]


def test_composite():
    mentions = (Mention("A", ((0, 2),)), Mention("A", ((5, 8),), True))
    assert COMPOSITE["keep"](mentions) == mentions
    assert COMPOSITE["drop"](mentions) == mentions[:1]


@given(st.lists(mention(), max_size=8).map(in_order))
def test_results_are_in_order(mentions):
    for policies in (DISCONTINUOUS, COMPOSITE, OVERLAPPING):
        for policy in policies.values():
            assert policy(mentions) == in_order(policy(mentions))


def test_the_order_is_start_end_and_label():
    mentions = (Mention("A", ((0, 5),)), Mention("A", ((0, 9),)), Mention("B", ((0, 9),)), Mention("A", ((1, 2),)))
    assert in_order(mentions[::-1]) == mentions


@given(flat)
def test_merge_covers_the_same_characters_without_overlap(mentions):
    merged = OVERLAPPING["merge"](mentions)
    assert not any(overlap(a, b) for i, a in enumerate(merged) for b in merged[:i])
    for label in "AB":
        assert covered(merged, label) == covered(mentions, label)


def test_merge_is_composite_if_a_part_is():
    plain, composite = Mention("A", ((0, 5),)), Mention("A", ((3, 8),), True)
    assert OVERLAPPING["merge"]((plain, composite)) == (Mention("A", ((0, 8),), True),)
    swapped = (Mention("A", ((0, 5),), True), Mention("A", ((3, 8),)))
    assert OVERLAPPING["merge"](swapped) == (Mention("A", ((0, 8),), True),)


def test_mentions_that_touch_do_not_overlap():
    touching = (Mention("A", ((0, 3),)), Mention("A", ((3, 5),)))
    assert [policy(touching) for policy in OVERLAPPING.values()] == [touching] * len(OVERLAPPING)


@given(flat)
def test_longest_keeps_a_maximal_set_and_drops_only_for_one_as_long(mentions):
    kept = OVERLAPPING["longest"](mentions)
    assert not any(overlap(a, b) for i, a in enumerate(kept) for b in kept[:i])
    for dropped in set(mentions) - set(kept):
        assert any(overlap(dropped, k) and k.end - k.start >= dropped.end - dropped.start for k in kept)
